/**
 * The client on servers that lack something: it finds out what, once and without harm, and does without. Our server plays
 * Apache ZooKeeper 3.5 and 3.8.0; the real 3.8.0 is in `test/interop/client-apache.test.ts`, what is observed in
 * `client-observe.test.ts`, and the recipes have an engine of their own.
 */
import { type Client, connect } from "@corral/client";
import { FaultProxy, TestServer } from "@corral/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

describe.each(["3.5", "3.8.0"] as const)("§6.24 on a server as %s", (compatibility) => {
  let server: TestServer;
  let proxy: FaultProxy;
  let client: Client;
  /** Another client, that no fault concerns. */
  let other: Client;
  /** Requests of `client` since the test began, pings left out. */
  let sent: string[];

  beforeAll(async () => {
    server = await TestServer.start({ compatibility });
    other = await connect(server.connectString);
  });
  afterAll(async () => {
    await other.close();
    await server.close();
  });

  beforeEach(async () => {
    await other.create("/t");
    proxy = await FaultProxy.start(server.connectString);
    sent = [];
    proxy.onFrame((frame) => {
      if (frame.kind === "request" && frame.operation !== "ping") sent.push(String(frame.operation));
    });
    client = await connect(proxy.connectString, { sessionTimeoutMs: 5_000 });
  });
  afterEach(async () => {
    await client.close();
    await other.delete("/t", { children: true });
    await proxy.close();
  });

  const reads = (one: Client) => one.multiRead().get("/t").children("/t").get("/t/none");
  /** How often `client` has lost its connection since it was asked. */
  const losses = () => {
    let count = 0;
    client.on("state", ({ state }) => {
      if (state === "suspended") count++;
    });
    return () => count;
  };

  test("several reads at once, right after connecting: as one request where there is one, and nothing else suffers", async () => {
    const [results, stat] = await Promise.all([reads(client).read(), client.set("/t", "x")]);
    expect(results.map(({ ok }) => ok)).toEqual([true, true, false]);
    expect(stat.version).toBe(1);
    const linearizable = await reads(client).read({ linearizable: true });
    expect(linearizable[0]).toMatchObject({ ok: true, data: Buffer.from("x") });
    expect(sent.includes("multiRead")).toBe(compatibility === "3.8.0");
    expect(sent).not.toContain("sync");
  });

  test("nobody was asked what it is: several reads are tried as one request, and made one by one where that ends the connection", async () => {
    await using unasked = await connect(proxy.connectString, { engine: "apache" });
    for (let i = 0; i < 2; i++) {
      const results = await reads(unasked).read({ linearizable: i === 1 });
      expect(results.map(({ ok }) => ok)).toEqual([true, true, false]);
    }
    expect(sent.filter((operation) => operation === "multiRead").length).toBe(compatibility === "3.5" ? 1 : 2);
    expect(unasked.state).toBe("connected");
  });

  test("what cannot be had is refused by the client itself, where the server would end the connection", async () => {
    await client.create("/t/e", null, { mode: "ephemeral" });
    const asked = () => [client.whoAmI(), client.getEphemerals("/t"), client.getAllChildrenNumber("/t")];
    const lost = losses();
    const [stat, ...answers] = await Promise.all([
      client.set("/t", "x"),
      ...asked().map((answer) =>
        answer.then(
          () => "answered",
          (error: { code: string }) => error.code,
        ),
      ),
    ]);
    expect(stat.version).toBe(1);
    expect(answers).toEqual(Array.from({ length: 3 }, () => (compatibility === "3.5" ? "Unimplemented" : "answered")));
    expect(lost()).toBe(0);
  });

  test("a linearizable read goes behind a write through the quorum, for sync is no barrier there", async () => {
    const { stat } = await other.create2("/t/l", "x");
    sent.length = 0;
    expect((await client.get("/t/l", { linearizable: true })).stat.czxid).toBe(stat.czxid);
    expect(sent).toEqual(["multi", "getData"]);
  });

  test("protected creates, guaranteed deletes", async () => {
    const drop = proxy.dropReply(({ operation }) => operation === "create2");
    const made = await client.create2("/t/q/lock-", "me", {
      mode: "ephemeralSequential",
      protected: true,
      createParents: "container",
    });
    await drop.happened;
    expect(await other.children("/t/q")).toEqual([made.path.slice("/t/q/".length)]);
    const lostDelete = proxy.dropReply(({ operation }) => operation === "delete");
    await client.delete(made.path, { guaranteed: true });
    await lostDelete.happened;
    expect(await other.children("/t/q")).toEqual([]);
  });

  test("§6.20 a time to live that is switched off is said so, and harms nothing", async () => {
    const lost = losses();
    const wanted = { mode: "persistentWithTtl", ttlMs: 60_000 } as const;
    await expect(client.create("/t/ttl", null, wanted)).rejects.toMatchObject({
      code: "Unimplemented",
      path: "/t/ttl",
      message: expect.stringMatching(/switched off.*enable/),
    });
    const both = client.transaction().create("/t/a").create("/t/ttl", null, wanted).commit();
    await expect(both).rejects.toMatchObject({ code: "Unimplemented", index: 1, path: "/t/ttl" });
    expect(await client.children("/t")).toEqual([]);
    expect(lost()).toBe(0);
  });

  test("transactions answer as elsewhere, but for stats that such servers do not tell", async () => {
    const results = await client
      .transaction()
      .create("/t/a", "x")
      .set("/t/a", "y")
      .check("/t/a")
      .delete("/t/a")
      .commit();
    expect(results.map(({ type }) => type)).toEqual(["create", "set", "check", "delete"]);
    expect(results[0].path).toBe("/t/a");
  });

  test("watches come back after a disconnection, and are taken back when nobody waits", async () => {
    const told: string[] = [];
    const watch = ({ type, path }: { readonly type: string; readonly path: string }) => told.push(`${type} ${path}`);
    await client.exists("/t/new", { watch });
    await client.children("/t", { watch });
    const unwanted = () => told.push("unwanted");
    await client.get("/t", { watch: unwanted });
    client.unwatch("/t", unwanted);
    await client.sync();
    proxy.cut();
    await expect.poll(() => client.state).toBe("connected");
    await other.set("/t", "x");
    await other.create("/t/new");
    await expect.poll(() => told.toSorted()).toEqual(["nodeChildrenChanged /t", "nodeCreated /t/new"]);
    expect(sent.filter((operation) => operation.startsWith("setWatches"))).toEqual(["setWatches"]);
  });
});
