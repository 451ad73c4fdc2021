/** What the client does by itself on Debian's Apache ZooKeeper: find out whose server it is, and do without what is not there. */
import { type Client, connect, type ObservedTree, treeChanges } from "@corral/client";
import { FaultProxy } from "@corral/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ApacheZooKeeper, startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { hasZooKeeper } from "../support/peers.ts";

describe.runIf(hasZooKeeper())("the client on Apache ZooKeeper", () => {
  let apache: ApacheZooKeeper;
  let proxy: FaultProxy;
  let client: Client;
  let other: Client;
  let sent: string[];

  beforeAll(async () => {
    apache = await startApacheZooKeeper();
  });
  afterAll(() => apache.close());

  beforeEach(async () => {
    proxy = await FaultProxy.start(apache.connectString);
    other = await connect(apache.connectString);
    await other.delete("/t", { children: true }).catch(() => undefined);
    await other.create("/t");
    client = await connect(proxy.connectString, { sessionTimeoutMs: 5_000 });
    sent = [];
    proxy.onFrame((frame) => {
      if (frame.kind === "request" && frame.operation !== "ping") sent.push(String(frame.operation));
    });
  });
  afterEach(async () => {
    proxy.accept();
    await client.close();
    await other.close();
    await proxy.close();
  });

  test("§6.17 a linearizable read goes behind a write through the quorum, for sync is no barrier there", async () => {
    const { stat } = await other.create2("/t/l", "x");
    expect((await client.get("/t/l", { linearizable: true })).stat.czxid).toBe(stat.czxid);
    expect(sent).toEqual(["multi", "getData"]);
    expect((await client.get("/t/l", { atLeast: stat.czxid })).data?.toString()).toBe("x");
    const [node, children, missing] = await client
      .multiRead()
      .get("/t/l")
      .children("/t")
      .get("/none")
      .read({ linearizable: true });
    expect([node.ok, children, missing.ok]).toEqual([true, { ok: true, children: ["l"] }, false]);
  });

  test("§6.4 protected creates, deep and guaranteed deletes, set-or-create", async () => {
    const drop = proxy.dropReply(({ operation }) => operation === "create2");
    const made = await client.create2("/t/q/lock-", "me", {
      mode: "ephemeralSequential",
      protected: true,
      createParents: "container",
    });
    await drop.happened;
    expect(await other.children("/t/q")).toEqual([made.path.slice("/t/q/".length)]);
    expect(await client.getEphemerals("/t")).toEqual([made.path]);
    const lostDelete = proxy.dropReply(({ operation }) => operation === "delete");
    await client.delete(made.path, { guaranteed: true });
    await lostDelete.happened;
    expect(await client.setOrCreate("/t/s", "1")).toMatchObject({ created: true });
    expect(await client.setOrCreate("/t/s", "2")).toMatchObject({ created: false, stat: { version: 1 } });
    expect(await client.getAllChildrenNumber("/t")).toBeGreaterThanOrEqual(1);
    await client.delete("/t", { children: true });
    expect(await other.exists("/t")).toBeUndefined();
    await other.create("/t");
  });

  test("§6.24 a tree is watched node by node: a plain read there would take a recursive watch away", async () => {
    await other.create("/t/r/a/b", "x", { createParents: true });
    const seen: (ObservedTree | undefined)[] = [];
    const subscription = client.watchTree("/t/r").subscribe((tree) => seen.push(tree));
    await expect.poll(() => seen.at(-1)?.size).toBe(3);
    expect(sent).not.toContain("addWatch");
    const before = seen.at(-1);
    await client.get("/t/r", { watch: () => {} });
    await other.set("/t/r", "root");
    await expect.poll(() => seen.at(-1)?.get("/t/r")?.data?.toString()).toBe("root");
    proxy.refuse();
    proxy.cut();
    await expect.poll(() => client.state).toBe("suspended");
    await other.delete("/t/r/a", { children: true });
    await other.create("/t/r/a", "x");
    await other.create("/t/r/c/d", "x", { createParents: true });
    proxy.accept();
    await expect
      .poll(() => treeChanges(before, seen.at(-1)).map(({ type, path }) => `${type} ${path}`))
      .toEqual(["deleted /t/r/a/b", "changed /t/r", "recreated /t/r/a", "created /t/r/c", "created /t/r/c/d"]);
    subscription.unsubscribe();
    await client.sync();
    let events = 0;
    proxy.onFrame((frame) => {
      if (frame.kind === "event") events++;
    });
    await other.set("/t/r/a", "y");
    await client.sync();
    expect(events).toBe(0);
  });

  test("nodes and children are observed through expiry", async () => {
    const nodes: (string | undefined)[] = [];
    client.watchNode("/t/n").subscribe((node) => nodes.push(node?.data?.toString()));
    const lists: (readonly string[] | undefined)[] = [];
    client.watchChildren("/t").subscribe((names) => lists.push(names));
    await expect.poll(() => [nodes, lists]).toEqual([[undefined], [[]]]);
    await other.create("/t/n", "1");
    await expect.poll(() => [nodes.at(-1), lists.at(-1)]).toEqual(["1", ["n"]]);
    const { sessionId } = client;
    proxy.refuse();
    proxy.cut();
    await expect.poll(() => client.sessionId).not.toBe(sessionId);
    await other.delete("/t/n");
    proxy.accept();
    await expect.poll(() => [nodes.at(-1), lists.at(-1)]).toEqual([undefined, []]);
  });

  test("§6.5 the deadline of an idle client counts from older requests, and comes before the server's", async () => {
    await client.create("/t/mine", null, { mode: "ephemeral" });
    // Until several pings have been answered: each moves it.
    let latestLead = Number.POSITIVE_INFINITY;
    const deadlines = new Set<number>();
    const hasMoved = () => {
      latestLead = Math.min(latestLead, client.deadlineMs - client.clock.elapsedMs());
      return deadlines.add(client.deadlineMs).size >= 4;
    };
    await expect.poll(hasMoved).toBe(true);
    expect(client.state).toBe("connected");
    expect(latestLead).toBeLessThan(4_000);
    let goneAtMs = Number.POSITIVE_INFINITY;
    await other.get("/t/mine", {
      watch: () => {
        goneAtMs = performance.now();
      },
    });
    let lostAtMs = Number.POSITIVE_INFINITY;
    client.on("state", ({ state }) => {
      if (state === "lost") lostAtMs = performance.now();
    });
    proxy.refuse();
    proxy.cut();
    await expect.poll(() => Number.isFinite(goneAtMs)).toBe(true);
    expect(lostAtMs).toBeLessThan(goneAtMs);
  });

  test("whoAmI and identities", async () => {
    await client.addAuth("digest", "bob:secret");
    expect(await client.whoAmI()).toMatchObject([{ authScheme: "ip" }, { authScheme: "digest", user: "bob" }]);
  });

  test("reconfig is refused by a server that stands alone", async () => {
    const refused = client.reconfig({ leaving: [3] }).catch((error: { code: string }) => error.code);
    expect(["Unimplemented", "ReconfigDisabled"]).toContain(await refused);
    await expect(client.reconfig({})).rejects.toMatchObject({ code: "BadArguments" });
  });
});

describe.runIf(hasZooKeeper())("SASL with Apache ZooKeeper", () => {
  let apache: ApacheZooKeeper;

  beforeAll(async () => {
    apache = await startApacheZooKeeper({
      config: [
        "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
        "enforce.auth.enabled=true",
        "enforce.auth.schemes=sasl",
      ],
      jaas: 'Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="s3cret"; };\n',
    });
  });
  afterAll(() => apache.close());

  const sasl = { mechanism: "DIGEST-MD5", username: "bob", password: "s3cret" } as const;

  test("DIGEST-MD5: known to the server on every connection, before anything else is asked", async () => {
    await using proxy = await FaultProxy.start(apache.connectString);
    await using client = await connect(proxy.connectString, { sasl, sessionTimeoutMs: 4_000 });
    await client.create("/private", "x", { acl: [{ perms: 31, id: { scheme: "sasl", id: "bob" } }] });
    const seen: (string | undefined)[] = [];
    client.watchNode("/private").subscribe((node) => seen.push(node?.data?.toString()));
    await expect.poll(() => seen).toEqual(["x"]);
    proxy.cut();
    await expect.poll(() => client.state).toBe("suspended");
    await client.set("/private", "y");
    await expect.poll(() => seen).toEqual(["x", "y"]);
    expect(await client.whoAmI()).toMatchObject([{ authScheme: "ip" }, { authScheme: "sasl", user: "bob" }]);
    await client.delete("/private");
  });

  test("a wrong password is said so, host by host; without SASL such a server lets nobody in", async () => {
    const wrong = connect(apache.connectString, { sasl: { ...sasl, password: "no" }, connectTimeoutMs: 1_500 });
    await expect(wrong).rejects.toMatchObject({
      code: "ConnectTimeout",
      hosts: [{ reason: expect.stringMatching(/SASL: the server refused the name or the password|closed/) }],
    });
  });
});
