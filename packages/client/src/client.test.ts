import { ErrorCode, OpCode, openAcl, WatchEventType } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { settle } from "../test-helpers/fake-clock.ts";
import { encodeReply, plainStat } from "../test-helpers/scripted-server.ts";
import { rejection, world } from "../test-helpers/world.ts";
import type { Client } from "./client.ts";
import { BadVersionError } from "./errors.ts";
import type { WatchEvent } from "./watch-event.ts";

describe("requests", () => {
  test("what is asked in one turn leaves in one write, and is answered in order", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const before = connection.writes;
    const both = Promise.all([client.create("/a", "x"), client.get("/a")]);
    await settle();
    expect(connection.writes).toBe(before + 1);
    const create = await connection.request("create");
    expect(connection.bodyOf("create", create)).toMatchObject({ path: "/a", data: Buffer.from("x"), flags: 0 });
    connection.answer("create", create, { path: "/a" });
    connection.answer("getData", await connection.request("getData"), { data: Buffer.from("x"), stat: plainStat });
    const [path, { data, stat }] = await both;
    expect(path).toBe("/a");
    expect(data?.toString()).toBe("x");
    expect(stat).toMatchObject({ czxid: 1n, ephemeralOwner: 0n, ctimeMs: 1_700_000_000_000 });
    expect(client.lastZxid).toBe(3n);
  });

  test("answers come whole however the bytes were cut", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const reading = client.children("/");
    const { xid } = await connection.request("getChildren");
    const bytes = encodeReply(xid, 5, 0, (writer) => writer.vector(["b", "a"], (w, name) => w.string(name)));
    for (const byte of bytes) connection.sendBytes(Buffer.from([byte]));
    expect(await reading).toEqual(["a", "b"]);
  });

  test("an answer that cannot be decoded is that request's error only", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const reading = rejection(client.get("/a"));
    const { xid } = await connection.request("getData");
    connection.sendBytes(encodeReply(xid, 5, 0, (writer) => writer.int(99)));
    expect(await reading).toMatchObject({ code: "MarshallingError", path: "/a" });
    expect(client.state).toBe("connected");
  });

  test("an error says what was tried, on which path, and what to do", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const setting = rejection(client.set("/a", "x", { version: 3 }));
    connection.refuse(await connection.request("setData"), ErrorCode.BadVersion);
    void connection.request("exists").then((request) => connection.refuse(request, ErrorCode.NoNode));
    const error = await setting;
    expect(error).toMatchObject({ name: "BadVersionError", code: "BadVersion", path: "/a", expectedVersion: 3 });
    expect(error.message).toMatch(
      /^set \/a: the node has another version \(expected version 3\)\. Somebody changed it/,
    );
    expect(error).not.toHaveProperty("actualVersion");
    expect(error.stack).toContain("client.test.ts");
  });

  test.each([
    ["set", "setData", (client: Client) => client.set("/a", "x", { version: 3 })],
    ["delete", "delete", (client: Client) => client.delete("/a", { version: 3 })],
    ["setAcl", "setACL", (client: Client) => client.setAcl("/a", openAcl, { version: 3 })],
  ] as const)("%s that is refused for its version tells both versions", async (name, operation, write) => {
    const { client, server } = await world();
    const { connection } = server;
    const refused = rejection(write(client));
    connection.refuse(await connection.request(operation), ErrorCode.BadVersion);
    const stat = { ...plainStat, version: 5, aversion: 5 };
    connection.answer("exists", await connection.request("exists"), { stat });
    const error = await refused;
    expect(error).toBeInstanceOf(BadVersionError);
    expect(error).toMatchObject({ name: "BadVersionError", expectedVersion: 3, actualVersion: 5, path: "/a" });
    expect(error.message).toContain(`${name} /a: the node has another version (expected version 3; it has version 5).`);
  });

  test("a refusal for the version is told at once when there is no connection any more to ask", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const refused = rejection(client.set("/a", "x", { version: 3 }));
    connection.refuse(await connection.request("setData"), ErrorCode.BadVersion);
    connection.close();
    expect(await refused).toMatchObject({ name: "BadVersionError", expectedVersion: 3 });
  });

  test("absence is a value to exists", async () => {
    const { client, server } = await world();
    const looking = client.exists("/a");
    server.connection.refuse(await server.connection.request("exists"), ErrorCode.NoNode);
    expect(await looking).toBeUndefined();
  });

  test.each([
    ["a", /it must start with '\/'/],
    ["/a/", /must not end/],
    ["", /it is empty/],
    ["/a//b", /empty segment/],
    ["/a\u0000", /U\+0000/],
  ])("path %j is refused before it is sent", async (path, told) => {
    const { client, server } = await world();
    for (const attempt of [
      () => client.get(path),
      () => client.create(path),
      () => client.delete(path),
      () => client.transaction().delete(path).commit(),
    ]) {
      const error = await rejection(attempt());
      expect(error).toMatchObject({ code: "BadArguments", path });
      expect(error.message).toMatch(told);
    }
    expect(server.connection.log).toEqual([]);
  });

  test("other arguments too", async () => {
    const { client, server } = await world();
    const wrong = [
      client.set("/a", "x", { version: 1.5 }),
      client.create("/a", "x", { mode: "sometimes" as "persistent" }),
      client.create("/a", "x", { mode: "persistentWithTtl" }),
      client.create("/a", "x", { ttlMs: 5 }),
      client.create("/a", { an: "object" } as unknown as string),
      client.create("/a", "x", { acl: "all" as unknown as [] }),
      client.create("/a", "x", { acl: [null] as unknown as [] }),
      client.create("/a", { mode: "ephemeral" } as unknown as string),
      client.get("/a", { watch: {} as () => void }),
      client.setOrCreate("/a-", "x", { mode: "ephemeralSequential" }),
      client.exists(`/${"x".repeat(1_048_600)}`, { linearizable: true }),
      client.create("/a", "x".repeat(1_048_600)),
    ];
    for (const error of await Promise.all(wrong.map(rejection))) {
      expect(error).toMatchObject({ code: "BadArguments" });
    }
    expect(server.connection.log).toEqual([]);
  });

  test.each(["", "a", "/", "/a/", "/a//b", undefined as unknown as string])(
    "a protected create does not make %j valid by putting a marker in",
    async (path) => {
      const { client, server } = await world();
      const error = await rejection(client.create(path, "x", { protected: true }));
      expect(error).toMatchObject({ code: "BadArguments", path: String(path) });
      expect(server.connection.log).toEqual([]);
    },
  );

  test("a protected create tells of the path that it was asked for", async () => {
    const { client, server } = await world();
    const error = rejection(client.create("/missing/a", "x", { protected: true }));
    server.connection.refuse(await server.connection.request("create2"), ErrorCode.NoNode);
    expect(await error).toMatchObject({ code: "NoNode", path: "/missing/a" });
  });

  test("data is taken as it was at the call", async () => {
    const { client, server } = await world();
    const data = Buffer.from("before");
    const setting = client.set("/a", data);
    data.write("after!");
    const request = await server.connection.request("setData");
    expect(server.connection.bodyOf("setData", request).data?.toString()).toBe("before");
    server.connection.answer("setData", request, { stat: plainStat });
    await setting;
  });

  test("ensurePath creates what is missing, from the leaf up", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const ensuring = client.ensurePath("/a/b");
    const paths: string[] = [];
    for (const err of [ErrorCode.NoNode, ErrorCode.NodeExists, ErrorCode.Ok]) {
      const request = await connection.request("create");
      const { path } = connection.bodyOf("create", request);
      paths.push(path);
      if (err === ErrorCode.Ok) connection.answer("create", request, { path });
      else connection.refuse(request, err);
    }
    await ensuring;
    expect(paths).toEqual(["/a/b", "/a", "/a/b"]);
  });

  test("createParents leaves the node itself alone, and makes the chroot too", async () => {
    const { client, server } = await world({}, "one/app");
    const { connection } = server;
    const creating = client.createParents("/a/b");
    const paths: string[] = [];
    for (const err of [ErrorCode.NoNode, ErrorCode.Ok, ErrorCode.Ok]) {
      const request = await connection.request("create");
      const { path } = connection.bodyOf("create", request);
      paths.push(path);
      if (err === ErrorCode.Ok) connection.answer("create", request, { path });
      else connection.refuse(request, err);
    }
    await creating;
    expect(paths).toEqual(["/app/a", "/app", "/app/a"]);
    const making = client.createParents("/a");
    const request = await connection.request("create");
    expect(connection.bodyOf("create", request).path).toBe("/app");
    connection.refuse(request, ErrorCode.NodeExists);
    await making;
  });

  test("sequential creates may end with a slash, and the answer comes without the chroot", async () => {
    const { client, server } = await world({}, "one/app");
    const { connection } = server;
    const creating = client.create("/", null, { mode: "ephemeralSequential" });
    const request = await connection.request("create");
    expect(connection.bodyOf("create", request)).toMatchObject({ path: "/app/", flags: 3, data: null });
    connection.answer("create", request, { path: "/app/0000000004" });
    expect(await creating).toBe("/0000000004");
    const error = await rejection(client.create("/x/", null, { mode: "ephemeral" }));
    expect(error).toMatchObject({ code: "BadArguments" });
  });

  test("containers and nodes with a time to live have operations of their own", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const container = client.create("/c", null, { mode: "container" });
    const request = await connection.request("createContainer");
    connection.answer("createContainer", request, { path: "/c", stat: plainStat });
    expect(await container).toBe("/c");
    const ttl = client.create2("/t", null, { mode: "persistentWithTtl", ttlMs: 60_000 });
    const other = await connection.request("createTTL");
    expect(connection.bodyOf("createTTL", other)).toMatchObject({ ttl: 60_000, flags: 5 });
    connection.answer("createTTL", other, { path: "/t", stat: plainStat });
    expect(await ttl).toMatchObject({ path: "/t", stat: { version: 0 } });
  });

  test("a transaction that failed says which operation, although the reply's header says nothing", async () => {
    const { client, server } = await world({}, "one/app");
    const { connection } = server;
    const failing = rejection(client.transaction().check("/epoch", { version: 3 }).delete("/task").commit());
    const request = await connection.request("multi");
    connection.answer("multi", request, [
      { type: OpCode.error, err: ErrorCode.BadVersion },
      { type: OpCode.error, err: ErrorCode.RuntimeInconsistency },
    ]);
    expect(await failing).toMatchObject({ name: "TransactionError", index: 0, path: "/epoch", code: "BadVersion" });
  });

  test("ensurePath survives a broken connection", async () => {
    const { client, server, clock } = await world();
    const ensuring = client.ensurePath("/a");
    await server.connection.request("create");
    server.connection.close();
    await clock.advance(200);
    server.connection.refuse(await server.connection.request("create"), ErrorCode.NodeExists);
    await ensuring;
  });
});

describe("abort", () => {
  test("of a sent request: the reason, and the answer is dropped", async () => {
    const { client, server } = await world();
    const controller = new AbortController();
    const events: WatchEvent[] = [];
    const reading = rejection(client.get("/a", { signal: controller.signal, watch: (event) => events.push(event) }));
    const other = client.get("/b");
    const request = await server.connection.request("getData");
    controller.abort(new Error("enough"));
    expect((await reading).message).toBe("enough");
    server.connection.answer("getData", request, { data: null, stat: plainStat });
    server.connection.event(WatchEventType.nodeDataChanged, "/a");
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    await other;
    expect(events).toEqual([]);
  });

  test("of a signal that has fired already: nothing is sent", async () => {
    const { client, server } = await world();
    const signal = AbortSignal.abort(new Error("before"));
    expect((await rejection(client.get("/a", { signal }))).message).toBe("before");
    expect((await rejection(client.addAuth("digest", "a:b", { signal }))).message).toBe("before");
    expect((await rejection(client.transaction().check("/a").commit({ signal }))).message).toBe("before");
    expect(server.connection.log).toEqual([]);
  });

  test("signals keep no listener of a request that is over", async () => {
    const { client, server } = await world();
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const reading = client.get("/a", { signal });
    const failing = rejection(client.get("/b", { signal }));
    const losing = rejection(client.get("/c", { signal }));
    const { connection } = server;
    connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
    connection.refuse(await connection.request("getData"), ErrorCode.NoNode);
    await Promise.all([reading, failing]);
    connection.close();
    await losing;
    expect(listeners).toBe(0);
  });
});

test("a listener that would never be called is refused", async () => {
  const { client } = await world();
  expect(() => client.on("stat" as "state", () => {})).toThrow(/there is no event "stat"/);
  expect(() => client.once("state", undefined as never)).toThrow(/the listener is not a function/);
});

describe("watches", () => {
  test("are called once, before the data of later answers", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const seen: string[] = [];
    const reading = client.get("/a", { watch: ({ type, path }) => seen.push(`${type} ${path}`) });
    connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
    await reading;
    const again = client.get("/a").then(() => seen.push("data"));
    const request = await connection.request("getData");
    connection.event(WatchEventType.nodeDataChanged, "/a");
    connection.answer("getData", request, { data: null, stat: plainStat });
    connection.event(WatchEventType.nodeDataChanged, "/a");
    await again;
    expect(seen).toEqual(["nodeDataChanged /a", "data"]);
  });

  test("that throw or reject are logged, and the others are called all the same", async () => {
    const { client, server, log } = await world();
    const { connection } = server;
    const seen: string[] = [];
    const watchers = [
      () => {
        throw new Error("thrown");
      },
      async () => {
        throw new Error("rejected");
      },
      () => seen.push("called"),
    ];
    for (const watch of watchers) {
      const reading = client.children("/a", { watch });
      connection.answer("getChildren", await connection.request("getChildren"), { children: [] });
      await reading;
    }
    connection.event(WatchEventType.nodeChildrenChanged, "/a");
    await settle();
    expect(seen).toEqual(["called"]);
    expect(log).toEqual([
      "error: a watcher of /a failed; the client goes on (thrown)",
      "error: a watcher of /a failed; the client goes on (rejected)",
    ]);
    expect(client.state).toBe("connected");
  });

  test("may call the client", async () => {
    const { client, server } = await world();
    const { connection } = server;
    const results: (Buffer | null)[] = [];
    const reading = client.get("/a", {
      watch: () => void client.get("/a").then(({ data }) => results.push(data)),
    });
    connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
    await reading;
    connection.event(WatchEventType.nodeDataChanged, "/a");
    connection.answer("getData", await connection.request("getData"), { data: Buffer.from("new"), stat: plainStat });
    await settle();
    expect(results.map(String)).toEqual(["new"]);
  });

  test("are re-armed on the next connection, with the chroot", async () => {
    const { client, server, clock } = await world({}, "one/app");
    const events: WatchEvent[] = [];
    const reading = client.get("/a", { watch: (event) => events.push(event) });
    const request = await server.connection.request("getData");
    expect(server.connection.bodyOf("getData", request)).toEqual({ path: "/app/a", watch: true });
    server.connection.answer("getData", request, { data: null, stat: plainStat }, 40);
    await reading;
    server.connection.close();
    await clock.advance(200);
    const rearm = await server.connection.request("setWatches");
    expect(server.connection.bodyOf("setWatches", rearm)).toEqual({
      relativeZxid: 40,
      dataWatches: ["/app/a"],
      existWatches: [],
      childWatches: [],
    });
    server.connection.event(WatchEventType.nodeDeleted, "/app/a");
    expect(events).toEqual([{ type: "nodeDeleted", path: "/a" }]);
  });

  test("can be taken back", async () => {
    const { client, server } = await world();
    const events: WatchEvent[] = [];
    const watch = (event: WatchEvent) => events.push(event);
    const reading = client.get("/a", { watch });
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    await reading;
    client.unwatch("/a", watch);
    server.connection.event(WatchEventType.nodeDataChanged, "/a");
    expect(events).toEqual([]);
  });
});
