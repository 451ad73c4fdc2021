/** The client's operations on a real server, with replies lost on the way. */
import { type Client, compressed, connect, isCoordinationError, json, msgpack, validated } from "@corral/client";
import { FaultProxy, TestServer } from "@corral/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

let server: TestServer;
let proxy: FaultProxy;
let client: Client;
/** Another client, that no fault concerns. */
let other: Client;

beforeAll(async () => {
  server = await TestServer.start();
  other = await connect(server.connectString);
});

afterAll(async () => {
  await other.close();
  await server.close();
});

beforeEach(async () => {
  await other.delete("/t", { children: true }).catch((error: unknown) => {
    if (!isCoordinationError(error, "NoNode")) throw error;
  });
  await other.create("/t");
  proxy = await FaultProxy.start(server.connectString);
  client = await connect(proxy.connectString, { sessionTimeoutMs: 5_000 });
});

afterEach(async () => {
  proxy.accept();
  proxy.resume();
  await client.close();
  await proxy.close();
});

const marked = /^_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-/;

describe("create", () => {
  test("createParents makes what is missing, as plain nodes or as containers", async () => {
    expect(await client.create("/t/a/b/c", "x", { createParents: true })).toBe("/t/a/b/c");
    expect((await client.get("/t/a/b/c")).data?.toString()).toBe("x");
    const { path } = await client.create2("/t/q/w/n-", null, {
      createParents: "container",
      mode: "ephemeralSequential",
    });
    expect(path).toBe("/t/q/w/n-0000000000");
    await expect(client.create("/t/missing/c")).rejects.toMatchObject({ code: "NoNode" });
  });

  test("setOrCreate does what is needed", async () => {
    expect(await client.setOrCreate("/t/s", "one")).toMatchObject({ created: true, stat: { version: 0 } });
    expect(await client.setOrCreate("/t/s", "two")).toMatchObject({ created: false, stat: { version: 1 } });
    expect(await client.setOrCreate("/t/deep/s", "x", { createParents: true })).toMatchObject({ created: true });
  });

  test("§6.4 a protected create whose reply was lost is found, not repeated", async () => {
    for (const mode of ["ephemeralSequential", "persistent", "persistentSequential", "ephemeral"] as const) {
      const drop = proxy.dropReply(({ operation }) => operation === "create2");
      const made = await client.create2("/t/lock-", "me", { mode, protected: true });
      await drop.happened;
      const name = made.path.slice("/t/".length);
      expect(name).toMatch(marked);
      expect(await other.children("/t")).toEqual([name]);
      expect((await other.exists(made.path))?.czxid).toBe(made.stat.czxid);
      await client.delete(made.path);
    }
  });

  test("§6.4 one whose request was lost is made after all, once", async () => {
    const drop = proxy.dropRequest(({ operation }) => operation === "create2");
    const path = await client.create("/t/lock-", "me", { mode: "ephemeralSequential", protected: true });
    await drop.happened;
    expect(await other.children("/t")).toEqual([path.slice("/t/".length)]);
    // An attempt that never arrived uses no number up.
    expect(path).toMatch(/lock-0000000000$/);
  });

  test("a session that ends meanwhile takes the node along", async () => {
    const drop = proxy.dropReply(({ operation }) => operation === "create2", { times: 1 });
    const creating = client.create2("/t/lock-", null, { mode: "ephemeralSequential", protected: true });
    const refused = creating.catch((error: unknown) => error);
    const { connection } = await drop.happened;
    proxy.refuse();
    if (connection.sessionId !== undefined) await server.expireSession(connection.sessionId);
    proxy.accept();
    expect(await refused).toMatchObject({ code: "SessionExpired" });
    expect(await other.children("/t")).toEqual([]);
  });

  test("§6.22 one given up while its outcome is unknown leaves nothing behind, once there is a connection", async () => {
    const controller = new AbortController();
    const drop = proxy.dropReply(({ operation }) => operation === "create2");
    const creating = client.create2("/t/n-", null, {
      mode: "persistentSequential",
      protected: true,
      signal: controller.signal,
    });
    const given = creating.catch((error: unknown) => error);
    proxy.refuse();
    await drop.happened;
    expect(await other.children("/t")).toHaveLength(1);
    controller.abort(new Error("no longer wanted"));
    expect(await given).toMatchObject({ message: "no longer wanted" });
    proxy.accept();
    await expect.poll(() => other.children("/t")).toEqual([]);
  });
});

test("what cannot be found out any more because the client is closed is told as unknown, unless it goes with the session", async () => {
  const drops = [
    proxy.dropReply(({ operation }) => operation === "create2", { times: 2 }),
    proxy.dropReply(({ operation }) => operation === "delete"),
  ];
  const outcomes = [
    client.create("/t/kept", null, { protected: true }),
    client.create("/t/gone", null, { protected: true, mode: "ephemeral" }),
    client.delete("/t/none", { guaranteed: true }),
  ].map((promise) => promise.catch((error: unknown) => error));
  proxy.refuse();
  await Promise.race(drops.map(({ happened }) => happened));
  await expect.poll(() => client.state).toBe("suspended");
  for (const drop of drops) drop.cancel();
  await client.close();
  expect(await Promise.all(outcomes)).toMatchObject([
    { code: "ConnectionLoss", message: expect.stringContaining("whether the node was made") },
    { code: "ClientClosed" },
    { code: "ClientClosed", message: expect.stringContaining("whether the node is gone") },
  ]);
});

describe("delete", () => {
  test("children: true takes everything below, however wide and deep", async () => {
    await client.create("/t/d");
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => client.create(`/t/d/${i}/x/y`, null, { createParents: true })),
    );
    expect(await client.getAllChildrenNumber("/t/d")).toBe(600);
    await expect(client.delete("/t/d")).rejects.toMatchObject({ code: "NotEmpty" });
    await client.delete("/t/d", { children: true });
    expect(await client.exists("/t/d")).toBeUndefined();
    await expect(client.delete("/t/d", { children: true })).rejects.toMatchObject({ code: "NoNode" });
  });

  test("children: true has a bounded number of requests under way, however deep it goes", async () => {
    const path = (...names: number[]) => ["/t/d", ...names].join("/");
    const tens = Array.from({ length: 10 }, (_, i) => i);
    const leaves = tens.flatMap((i) => tens.flatMap((j) => tens.map((k) => path(i, j, k))));
    await Promise.all(leaves.map((leaf) => other.create(leaf, null, { createParents: true })));
    let waiting = 0;
    let most = 0;
    const diagnostics = {
      channel: (name: string) => ({
        hasSubscribers: name.startsWith("corral.client.request"),
        publish: () => {
          waiting += name.endsWith("start") ? 1 : -1;
          most = Math.max(most, waiting);
        },
      }),
    };
    await using deleting = await connect(server.connectString, { diagnostics });
    await deleting.delete("/t/d", { children: true });
    expect(await other.exists("/t/d")).toBeUndefined();
    expect(most).toBe(64);
  });

  test("guaranteed: a lost reply is no reason to stop, and gone is done", async () => {
    await client.create("/t/g");
    const drop = proxy.dropReply(({ operation }) => operation === "delete");
    await client.delete("/t/g", { guaranteed: true });
    await drop.happened;
    expect(await other.exists("/t/g")).toBeUndefined();
    await expect(client.delete("/t/g", { guaranteed: true })).rejects.toMatchObject({ code: "NoNode" });
  });

  test("§6.22 guaranteed: given up by its caller, it is done all the same when there is a connection", async () => {
    await client.create("/t/g");
    proxy.refuse();
    proxy.cut();
    await expect.poll(() => client.state).toBe("suspended");
    const controller = new AbortController();
    const deleting = client.delete("/t/g", { guaranteed: true, signal: controller.signal });
    controller.abort(new Error("no time"));
    await expect(deleting).rejects.toThrow("no time");
    expect(await other.exists("/t/g")).toBeDefined();
    proxy.accept();
    await expect.poll(() => other.exists("/t/g")).toBeUndefined();
  });

  test("guaranteed: it ends with its session, and says so", async () => {
    await client.create("/t/g", null, { mode: "persistent" });
    proxy.refuse();
    proxy.cut();
    await expect.poll(() => client.state).toBe("suspended");
    const { sessionId } = client;
    const deleting = client.delete("/t/g", { guaranteed: true }).catch((error: unknown) => error);
    await server.expireSession(sessionId);
    proxy.accept();
    expect(await deleting).toMatchObject({ code: "SessionExpired", path: "/t/g" });
    expect(await other.exists("/t/g")).toBeDefined();
  });
});

describe("reads", () => {
  test("multiRead: one request, each part for itself", async () => {
    await client.create("/t/a", "x");
    await client.create("/t/b");
    const [node, names, missing] = await client.multiRead().get("/t/a").children("/t").get("/t/none").read();
    expect(node).toMatchObject({ ok: true, stat: { version: 0 } });
    expect(node.ok && node.data?.toString()).toBe("x");
    expect(names).toEqual({ ok: true, children: ["a", "b"] });
    expect(missing).toMatchObject({ ok: false, error: { code: "NoNode", path: "/t/none" } });
    expect(await client.multiRead().read()).toEqual([]);
  });

  test("getEphemerals: of this session, by segments", async () => {
    await client.create("/t/e", null, { mode: "ephemeral" });
    await client.create("/t/ex", null, { mode: "ephemeral" });
    await other.create("/t/o", null, { mode: "ephemeral" });
    expect(await client.getEphemerals()).toEqual(["/t/e", "/t/ex"]);
    expect(await client.getEphemerals("/t/e")).toEqual(["/t/e"]);
    expect(await client.namespace("/t").getEphemerals()).toEqual(["/e", "/ex"]);
    await other.delete("/t/o");
  });

  test("whoAmI: the address, and every identity added", async () => {
    const [address] = await client.whoAmI();
    expect(address).toMatchObject({ authScheme: "ip" });
    await client.addAuth("digest", "bob:secret");
    expect(await client.whoAmI()).toMatchObject([{ authScheme: "ip" }, { authScheme: "digest", user: "bob" }]);
  });

  test("§6.17 linearizable: the barrier goes before the read, on the same connection", async () => {
    const sent: string[] = [];
    const stop = proxy.onFrame((frame) => {
      if (frame.kind === "request" && frame.operation !== "ping") sent.push(String(frame.operation));
    });
    const { stat } = await other.create2("/t/l", "x");
    await expect(client.get("/t/l", { linearizable: true })).resolves.toMatchObject({ stat: { czxid: stat.czxid } });
    const apache = await connect(proxy.connectString, { engine: "apache" });
    sent.length = 0;
    expect(await apache.exists("/t/l", { linearizable: true })).toMatchObject({ czxid: stat.czxid });
    expect(await apache.children("/t", { linearizable: true })).toEqual(["l"]);
    expect(sent).toEqual(["multi", "exists", "multi", "getChildren"]);
    sent.length = 0;
    await apache.multiRead().get("/t/l").read({ linearizable: true });
    expect(sent).toEqual(["multi", "multiRead"]);
    await apache.close();
    const corral = await connect(proxy.connectString, { engine: "corral" });
    sent.length = 0;
    await corral.get("/t/l", { linearizable: true });
    expect(sent).toEqual(["sync", "getData"]);
    stop();
    await corral.close();
  });

  test("atLeast: asks for nothing when as much was seen, catches up when not, and gives up on the future", async () => {
    const sent: string[] = [];
    proxy.onFrame((frame) => {
      if (frame.kind === "request" && frame.operation !== "ping") sent.push(String(frame.operation));
    });
    const { stat } = await other.create2("/t/l", "x");
    await client.get("/t/l", { atLeast: stat.czxid });
    expect(sent).toEqual(["sync", "getData"]);
    await client.get("/t/l", { atLeast: stat.czxid });
    expect(sent).toEqual(["sync", "getData", "getData"]);
    await expect(client.get("/t/l", { atLeast: stat.czxid + 10_000n })).rejects.toMatchObject({
      code: "OperationTimeout",
      path: "/t/l",
    });
  });
});

describe("namespaces", () => {
  test("another view of the tree on the same session", async () => {
    const app = client.namespace("/t/app");
    expect(app.chroot).toBe("/t/app");
    await app.ensurePath("/");
    await app.create("/a", "x");
    expect((await client.get("/t/app/a")).data?.toString()).toBe("x");
    expect(app.sessionId).toBe(client.sessionId);
    await app.transaction().check("/a").create("/b").commit();
    expect(await app.children("/")).toEqual(["a", "b"]);
    expect(app.namespace("/deep").chroot).toBe("/t/app/deep");
    expect(app.namespace("/").chroot).toBe("/t/app");
    expect(client.namespace("/").chroot).toBe("");
    await expect(app.get("/none")).rejects.toThrow(/\/none.*below the chroot \/t\/app/);
    expect(() => client.namespace("app/")).toThrow(/path/);
  });

  test("watchers are told the paths of their own view, and can be taken back", async () => {
    const app = client.namespace("/t");
    await app.create("/a");
    const told: string[] = [];
    const watch = ({ path }: { readonly path: string }) => told.push(path);
    await app.get("/a", { watch });
    await client.get("/t/a", { watch });
    await other.set("/t/a", "x");
    await expect.poll(() => told.toSorted()).toEqual(["/a", "/t/a"]);
    await app.get("/a", { watch });
    app.unwatch("/a", watch);
    await other.set("/t/a", "y");
    await client.sync();
    expect(told).toHaveLength(2);
  });
});

describe("what is unknown, what is refused", () => {
  test("§6.18 no write is repeated behind the caller's back: a lost reply is told as unknown, and was one write", async () => {
    await client.create("/t/counter", "0");
    for (const lost of ["reply", "request"] as const) {
      const { version } = (await other.get("/t/counter")).stat;
      const isSet = ({ operation }: { readonly operation: unknown }) => operation === "setData";
      const drop = lost === "reply" ? proxy.dropReply(isSet) : proxy.dropRequest(isSet);
      await expect(client.set("/t/counter", "1", { version })).rejects.toMatchObject({
        name: "ConnectionLossError",
        message: expect.stringMatching(/unknown.*find out/),
      });
      await drop.happened;
      expect((await client.get("/t/counter")).stat.version).toBe(lost === "reply" ? version + 1 : version);
    }
  });

  test("§6.19 a transaction tells which operation failed, on which path, and why; nothing of it happened", async () => {
    const failed = await client
      .transaction()
      .create("/t/a")
      .set("/t/a", "x", { version: 7 })
      .delete("/t")
      .commit()
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({
      name: "TransactionError",
      index: 1,
      operation: "set",
      path: "/t/a",
      code: "BadVersion",
      message: expect.stringContaining("/t/a"),
    });
    expect(await client.exists("/t/a")).toBeUndefined();
  });

  test("§6.20 containers and nodes with a time to live", async () => {
    const { stat } = await client.create2("/t/ttl", "x", { mode: "persistentWithTtl", ttlMs: 60_000 });
    expect(stat.ephemeralOwner).toBe(0n);
    await client.create("/t/box", null, { mode: "container" });
    await client.create("/t/box/child");
    const sequential = await client.create("/t/s-", null, { mode: "persistentSequentialWithTtl", ttlMs: 1 });
    expect(sequential).toMatch(/s-\d{10}$/);
    await expect(client.create("/t/x", null, { mode: "persistentWithTtl" })).rejects.toMatchObject({
      code: "BadArguments",
    });
  });

  test("§6.2 the token of a node grows with every one that is made, over deletions and sessions", async () => {
    const tokens: bigint[] = [];
    for (let i = 0; i < 3; i++) {
      const holder = await connect(server.connectString);
      const { stat } = await holder.create2("/t/held", null, { mode: "ephemeral" });
      tokens.push(stat.czxid);
      await holder.close();
    }
    expect(tokens.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(tokens);
    expect(new Set(tokens).size).toBe(3);
  });

  test("§6.13 a node of an earlier session is known by its owner, and replaced only while it is the same", async () => {
    const former = await connect(server.connectString);
    await former.create("/t/member", "former", { mode: "ephemeral" });
    await expect(client.create("/t/member", "me", { mode: "ephemeral" })).rejects.toMatchObject({ code: "NodeExists" });
    const stale = await client.exists("/t/member");
    expect(stale?.ephemeralOwner).toBe(former.sessionId);
    expect(stale?.ephemeralOwner).not.toBe(client.sessionId);
    await client
      .transaction()
      .delete("/t/member", { version: stale?.version ?? -1 })
      .create("/t/member", "me", { mode: "ephemeral" })
      .commit();
    await former.close();
    expect((await client.get("/t/member")).stat.ephemeralOwner).toBe(client.sessionId);
  });

  test("§6.12 what is too long is refused before it is sent, and watches beyond one packet survive a reconnect", async () => {
    await expect(client.create("/t/big", Buffer.alloc(1_048_600))).rejects.toMatchObject({
      code: "BadArguments",
      message: expect.stringMatching(/1048575.*requestBytesMax/),
    });
    const long = "x".repeat(1_000);
    const paths = Array.from({ length: 400 }, (_, i) => `/t/${long}${i}`);
    let told = 0;
    const watch = ({ type }: { readonly type: string }): void => {
      if (type === "nodeCreated") told++;
    };
    await Promise.all(paths.map((path) => client.exists(path, { watch })));
    const packets: number[] = [];
    proxy.onFrame((frame) => {
      if (frame.kind === "request" && frame.operation === "setWatches") packets.push(1);
    });
    proxy.cut();
    await expect.poll(() => client.state).toBe("suspended");
    await Promise.all(paths.map((path) => other.create(path)));
    await expect.poll(() => told).toBe(400);
    expect(packets.length).toBeGreaterThan(2);
  });

  test("§6.1 §6.3 a guard ends a transaction of somebody who holds no longer, whatever he believes", async () => {
    const held = await client.create2("/t/lock-", null, { mode: "ephemeralSequential", protected: true });
    const grant = { guard: () => ({ path: held.path, version: -1 }) };
    const [, set] = await client.transaction().guard(grant).set("/t", "mine").commit();
    expect(set.stat.version).toBe(1);
    await other.delete(held.path);
    await expect(client.transaction().guard(grant).set("/t", "still mine").commit()).rejects.toMatchObject({
      name: "GrantLostError",
      reason: "node deleted",
    });
    expect((await other.get("/t")).data?.toString()).toBe("mine");
  });
});

test("typed nodes, end to end", async () => {
  const config = validated(json, {
    "~standard": {
      version: 1,
      vendor: "a test",
      validate: (value) =>
        typeof value === "object" && value !== null && "limit" in value && typeof value.limit === "number"
          ? { value: { limit: value.limit } }
          : { issues: [{ message: "a limit is missing" }] },
    },
  });
  await client.create("/t/config", { codec: config, value: { limit: 10 }, createParents: true });
  const { value, stat } = await client.get("/t/config", { codec: config });
  expect(value.limit).toBe(10);
  const seen: unknown[] = [];
  const loop = (async () => {
    for await (const node of client.watchNode("/t/config", { codec: config })) seen.push(node?.value.limit);
  })();
  await expect.poll(() => seen).toEqual([10]);
  await other.set("/t/config", { codec: compressed(msgpack), value: { limit: 1 }, version: stat.version });
  await expect(loop).rejects.toMatchObject({ code: "MarshallingError", path: "/t/config" });
  const packed = await other.get("/t/config", { codec: compressed(msgpack) });
  expect(packed.value).toEqual({ limit: 1 });
  await client
    .transaction()
    .set("/t/config", { codec: config, value: { limit: 12 } })
    .commit();
  expect((await other.get("/t/config")).data?.toString()).toBe('{"limit":12}');
});
