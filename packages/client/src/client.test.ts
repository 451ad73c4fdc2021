import { type LogFields, type Logger, silentLogger } from "@corral/io";
import { ErrorCode, WatchEventType } from "@corral/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { FakeClock, settle } from "../test-helpers/fake-clock.ts";
import { encodeReply, plainStat, ScriptedDialer, ScriptedServer } from "../test-helpers/scripted-server.ts";
import type { Client } from "./client.ts";
import { connect } from "./connect.ts";
import type { ClientOptions } from "./options.ts";
import type { StateEvent } from "./state-emitter.ts";
import type { WatchEvent } from "./watch-event.ts";

const timeoutMs = 9_000;
const random = { fraction: () => 0.999, bytes: (length: number) => new Uint8Array(length) };

/** A logger that keeps what is said, for tests that look at it. */
function recordingLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const say = (level: string) => (fields: LogFields, message: string) => {
    const err = fields.err instanceof Error ? ` (${fields.err.message})` : "";
    lines.push(`${level}: ${message}${err}`);
  };
  return { lines, logger: { debug: () => {}, info: say("info"), warn: say("warn"), error: say("error") } };
}

interface World {
  readonly clock: FakeClock;
  readonly server: ScriptedServer;
  readonly dialer: ScriptedDialer;
  readonly client: Client;
  readonly states: string[];
  readonly log: string[];
}

async function world(options: ClientOptions = {}, connectString = "one"): Promise<World> {
  const clock = new FakeClock();
  const server = new ScriptedServer({ id: 77n, timeoutMs });
  const dialer = new ScriptedDialer({ one: server });
  const { logger, lines } = recordingLogger();
  const client = await connect(connectString, {
    clock,
    dialer,
    random,
    logger,
    sessionTimeoutMs: timeoutMs,
    ...options,
  });
  const states: string[] = [];
  client.on("state", ({ state }) => states.push(state));
  onTestFinished(() => {
    server.manner = "refuse";
    void client.close();
  });
  return { clock, server, dialer, client, states, log: lines };
}

/** What a promise rejects with, taken at once so that it is never unhandled. */
function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => Promise.reject(new Error(`resolved with ${String(value)}`)),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
}

describe("connect", () => {
  test("resolves with the first session", async () => {
    const { client, server } = await world();
    expect(client.state).toBe("connected");
    expect(client.sessionId).toBe(77n);
    expect(client.sessionTimeoutMs).toBe(timeoutMs);
    expect(client.deadlineMs).toBe(1_000 + 8_910);
    expect(client.sessionPassword).toEqual(new Uint8Array(16).fill(7));
    expect(server.connection.handshake).toMatchObject({ sessionId: 0n, timeOut: timeoutMs, lastZxidSeen: 0 });
  });

  test("goes on to the next host", async () => {
    const clock = new FakeClock();
    const server = new ScriptedServer({ id: 1n, timeoutMs });
    const bad = new ScriptedServer({ id: 2n, timeoutMs });
    bad.manner = "refuse";
    const dialer = new ScriptedDialer({ bad, good: server });
    const connecting = connect("bad,good,nowhere", { clock, dialer, random });
    await clock.advance(1_000);
    const client = await connecting;
    expect(new Set(dialer.dialed)).toContain("good");
    const closing = client.close();
    server.connection.answer("closeSession", await server.connection.request("closeSession"), {});
    await closing;
  });

  test("after its time it rejects with what happened at each host, and leaves nothing behind", async () => {
    const clock = new FakeClock();
    const refusing = new ScriptedServer({ id: 1n, timeoutMs });
    refusing.manner = "refuse";
    const hole = new ScriptedServer({ id: 1n, timeoutMs });
    hole.manner = "blackhole";
    const rude = new ScriptedServer({ id: 1n, timeoutMs });
    rude.onConnect = () => {
      rude.connection.close();
      return undefined;
    };
    const silent = new ScriptedServer({ id: 1n, timeoutMs });
    silent.onConnect = () => undefined;
    const web = new ScriptedServer({ id: 1n, timeoutMs });
    web.onConnect = () => {
      web.connection.sendBytes(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
      return undefined;
    };
    const dialer = new ScriptedDialer({ refusing, hole, rude, silent, web });
    const error = rejection(
      connect("refusing,hole,rude,silent,web", {
        clock,
        dialer,
        random,
        sessionTimeoutMs: 5_000,
        connectTimeoutMs: 8_000,
      }),
    );
    await clock.advance(8_000);
    const message = (await error).message;
    expect(await error).toMatchObject({ name: "ConnectTimeoutError", code: "ConnectTimeout" });
    expect(message).toContain("refusing:2181: no connection: connect ECONNREFUSED");
    expect(message).toContain("hole:2181: no connection within 1000 ms");
    expect(message).toContain("rude:2181: it accepted the connection and closed it without an answer");
    expect(message).toContain("silent:2181: it accepted the connection but did not answer within 1000 ms");
    expect(message).toContain("web:2181: what answered does not speak the ZooKeeper protocol");
    expect(clock.pendingTimers).toBe(0);
  });

  test("can be aborted, before and meanwhile", async () => {
    const clock = new FakeClock();
    const server = new ScriptedServer({ id: 1n, timeoutMs });
    server.manner = "blackhole";
    const dialer = new ScriptedDialer({ one: server });
    const reason = new Error("enough");
    expect(await rejection(connect("one", { clock, dialer, random, signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(dialer.dialed).toEqual([]);
    const controller = new AbortController();
    const error = rejection(connect("one", { clock, dialer, random, signal: controller.signal }));
    await clock.advance(10);
    controller.abort(reason);
    expect(await error).toBe(reason);
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ["sessionTimeoutMs", { sessionTimeoutMs: 0 }],
    ["sessionTimeoutMs", { sessionTimeoutMs: 1.5 }],
    ["connectTimeoutMs", { connectTimeoutMs: Number.NaN }],
  ])("refuses a senseless %s", async (name, options) => {
    const error = await rejection(connect("one", options));
    expect(error).toMatchObject({ code: "BadArguments" });
    expect(error.message).toContain(name);
  });
});

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
    const error = await setting;
    expect(error).toMatchObject({ name: "BadVersionError", code: "BadVersion", path: "/a" });
    expect(error.message).toMatch(
      /^set \/a: the node has another version \(expected version 3\)\. Somebody changed it/,
    );
    expect(error.stack).toContain("client.test.ts");
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
      client.create("/a", "x".repeat(1_048_600)),
    ];
    for (const error of await Promise.all(wrong.map(rejection))) {
      expect(error).toMatchObject({ code: "BadArguments" });
    }
    expect(server.connection.log).toEqual([]);
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

describe("when the connection breaks", () => {
  test("what was sent is lost, what was not is sent later, in the same session", async () => {
    const { client, server, clock, states } = await world();
    const first = server.connection;
    const sent = rejection(client.set("/a", "x"));
    await first.request("setData");
    first.close(new Error("read ECONNRESET"));
    const queued = client.get("/a");
    expect(client.state).toBe("suspended");
    const error = await sent;
    expect(error).toMatchObject({ code: "ConnectionLoss", path: "/a" });
    expect(error.message).toContain("read ECONNRESET");
    expect(error.cause).toBeInstanceOf(Error);
    await clock.advance(200);
    expect(client.state).toBe("connected");
    const second = server.connection;
    expect(second.handshake).toMatchObject({ sessionId: 77n, passwd: Buffer.alloc(16, 7) });
    second.answer("getData", await second.request("getData"), { data: null, stat: plainStat });
    expect((await queued).data).toBeNull();
    expect(states).toEqual(["suspended", "connected"]);
    expect(client.sessionId).toBe(77n);
  });

  test("bytes that are no frame end the connection, not the client", async () => {
    const { client, server, clock } = await world();
    server.connection.sendBytes(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect(client.state).toBe("suspended");
    await clock.advance(200);
    expect(client.state).toBe("connected");
    expect(server.connections.length).toBe(2);
  });

  test("a request that waits can be aborted, and is then never sent", async () => {
    const { client, server, clock } = await world();
    server.connection.close();
    const controller = new AbortController();
    const waiting = rejection(client.get("/a", { signal: controller.signal }));
    controller.abort(new Error("no longer wanted"));
    expect((await waiting).message).toBe("no longer wanted");
    await clock.advance(200);
    expect(server.connection.log).toEqual([]);
  });

  test("back-off grows, with jitter, and ends when a server is there", async () => {
    const { client, server, clock, dialer } = await world({ sessionTimeoutMs: 60_000 });
    server.manner = "refuse";
    server.connection.close();
    const start = dialer.dialed.length;
    await clock.advance(400);
    const early = dialer.dialed.length - start;
    await clock.advance(5_000);
    const later = dialer.dialed.length - start - early;
    expect(early).toBeGreaterThanOrEqual(2);
    expect(later).toBeGreaterThanOrEqual(4);
    expect(later).toBeLessThanOrEqual(10);
    server.manner = "accept";
    await clock.advance(1_100);
    expect(client.state).toBe("connected");
  });

  test("connections that break at once do not make a busy loop", async () => {
    const { server, clock } = await world();
    for (let i = 0; i < 200; i++) {
      server.connection.close();
      await clock.advance(10);
    }
    expect(server.connections.length).toBeLessThan(15);
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

describe("the session's end", () => {
  test("by the server's word: watchers and waiting requests are told, and a new session is made", async () => {
    const { client, server, clock, states } = await world();
    const events: WatchEvent[] = [];
    const reading = client.get("/a", { watch: (event) => events.push(event) });
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    await reading;
    const accept = server.onConnect;
    server.onConnect = (request) => {
      server.onConnect = accept;
      expect(request.sessionId).toBe(77n);
      return { protocolVersion: 0, timeOut: 0, sessionId: 0n, passwd: new Uint8Array(16), readOnly: false };
    };
    const details: StateEvent[] = [];
    client.on("state", (event) => details.push(event));
    server.connection.close();
    const queued = rejection(client.get("/b"));
    await clock.advance(200);
    expect(await queued).toMatchObject({ code: "SessionExpired" });
    expect(states).toEqual(["suspended", "lost", "connecting", "connected"]);
    expect(details[1]).toMatchObject({ state: "lost", reason: "expired", sessionId: 77n });
    expect(events).toEqual([{ type: "lost", path: "/a" }]);
    expect(server.connection.handshake.sessionId).toBe(0n);
    const later = client.get("/b");
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    await later;
  });

  test("by the deadline, while nobody answers", async () => {
    const { client, server, clock, states } = await world();
    server.manner = "blackhole";
    server.connection.close();
    const queued = rejection(client.get("/b"));
    const { deadlineMs } = client;
    await clock.advance(deadlineMs - clock.elapsedMs() - 1);
    expect(states).toEqual(["suspended"]);
    await clock.advance(1);
    expect(states).toEqual(["suspended", "lost", "connecting"]);
    expect(await queued).toMatchObject({ code: "SessionExpired" });
    expect(client.sessionId).toBe(0n);
    server.manner = "accept";
    await clock.advance(10_000);
    expect(client.state).toBe("connected");
  });

  test("by the deadline, although connected: the server takes everything and answers nothing", async () => {
    const { client, server, clock, states } = await world();
    server.connection.answersPings = false;
    const events = setIntervalOn(clock, 1_000, () => server.connection.event(WatchEventType.nodeCreated, "/noise"));
    await clock.advance(8_909);
    expect(client.state).toBe("connected");
    await clock.advance(2);
    events.stop();
    expect(states.slice(0, 2)).toEqual(["lost", "connecting"]);
  });

  test("after a stall nothing is sent on the old belief", async () => {
    const { client, server, clock, states } = await world();
    const { connection } = server;
    clock.stall(60_000);
    const write = rejection(client.set("/ledger", "stale"));
    expect(states).toEqual(["lost", "connecting"]);
    expect(await write).toMatchObject({ code: "SessionExpired" });
    expect(connection.log).toEqual([]);
    await clock.advance(200);
    expect(server.connection.log).toEqual([]);
  });

  test("a stall between asking and writing is noticed too", async () => {
    const { client, server, clock } = await world();
    const { connection } = server;
    const write = rejection(client.set("/ledger", "stale"));
    clock.stall(60_000);
    expect(await write).toMatchObject({ code: "ConnectionLoss" });
    expect(connection.log).toEqual([]);
  });

  test("what is asked from a listener that hears of the loss is for the new session", async () => {
    const { client, server, clock } = await world();
    const asked: Promise<unknown>[] = [];
    client.once("state", () => asked.push(client.get("/a")));
    clock.stall(60_000);
    await rejection(client.get("/old"));
    await clock.advance(200);
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    expect(await Promise.all(asked)).toHaveLength(1);
    expect(server.connection.log).toEqual(["getData"]);
  });

  test("listeners that throw are logged and keep nobody from hearing", async () => {
    const { client, server, log, states } = await world();
    const heard: string[] = [];
    const thrower = () => {
      throw new Error("listener");
    };
    client.on("state", thrower);
    client.once("state", ({ state }) => heard.push(`once ${state}`));
    const always = ({ state }: StateEvent) => heard.push(state);
    client.on("state", always);
    server.connection.close();
    expect(heard).toEqual(["once suspended", "suspended"]);
    expect(log).toContain("error: a listener for state changes failed; the client goes on (listener)");
    client.off("state", always).off("state", thrower);
    void client.close();
    expect(heard).toEqual(["once suspended", "suspended"]);
    expect(states).toContain("closed");
  });
});

describe("close", () => {
  test("ends the session on the server, after what was sent is answered", async () => {
    const { client, server, clock, states } = await world();
    const { connection } = server;
    const events: WatchEvent[] = [];
    const reading = client.get("/a", { watch: (event) => events.push(event) });
    const closing = client.close();
    expect(client.close()).toBe(closing);
    expect(client.state).toBe("closed");
    expect(await rejection(client.get("/b"))).toMatchObject({ code: "ClientClosed" });
    connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
    await reading;
    connection.answer("closeSession", await connection.request("closeSession"), {});
    await closing;
    expect(events).toEqual([{ type: "closed", path: "/a" }]);
    expect(connection.ended).toBe(true);
    expect(states).toEqual(["closed"]);
    expect(clock.pendingTimers).toBe(0);
    expect(await rejection(client.get("/b"))).toMatchObject({ code: "ClientClosed" });
    expect(await rejection(client.addAuth("digest", "a:b"))).toMatchObject({ code: "ClientClosed" });
    await client.close();
  });

  test("waits a bounded time for a server that does not answer", async () => {
    const { client, clock } = await world();
    const closing = client.close();
    await clock.advance(3_000);
    await closing;
    expect(clock.pendingTimers).toBe(0);
  });

  test("without a connection tries for a moment to get one", async () => {
    const { client, server, clock } = await world();
    server.manner = "refuse";
    server.connection.close();
    const queued = rejection(client.get("/a"));
    const closing = client.close();
    expect(await queued).toMatchObject({ code: "ClientClosed" });
    await clock.advance(300);
    server.manner = "accept";
    await clock.advance(600);
    server.connection.answer("closeSession", await server.connection.request("closeSession"), {});
    await closing;
  });

  test("without any server takes a second", async () => {
    const { client, server, clock } = await world();
    server.manner = "refuse";
    server.connection.close();
    const closing = client.close();
    await clock.advance(1_000);
    await closing;
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });

  test("is what `await using` does", async () => {
    const { client } = await world();
    expect(client[Symbol.asyncDispose]()).toBe(client.close());
  });
});

describe("credentials", () => {
  test("are presented, and again on the next connection", async () => {
    const { client, server, clock } = await world();
    const adding = client.addAuth("digest", "bob:pw");
    const request = await server.connection.request("auth");
    expect(server.connection.bodyOf("auth", request)).toEqual({
      type: 0,
      scheme: "digest",
      auth: Buffer.from("bob:pw"),
    });
    server.connection.sendBytes(encodeReply(-4, 0, 0));
    await adding;
    server.connection.close();
    await clock.advance(200);
    expect(server.connection.log).toEqual(["auth"]);
  });

  test("wait for a connection, and survive one that breaks before the answer", async () => {
    const { client, server, clock } = await world();
    server.connection.close();
    const adding = client.addAuth("digest", "bob:pw");
    await clock.advance(200);
    await server.connection.request("auth");
    server.connection.close();
    await clock.advance(200);
    await server.connection.request("auth");
    server.connection.sendBytes(encodeReply(-4, 0, 0));
    await adding;
  });

  test("that are refused reject, and are not presented again", async () => {
    const { client, server, clock } = await world();
    const adding = rejection(client.addAuth("nonsense", null));
    await server.connection.request("auth");
    server.connection.sendBytes(encodeReply(-4, 0, ErrorCode.AuthFailed));
    const queued = client.get("/a");
    expect(await adding).toMatchObject({ code: "AuthFailed" });
    await clock.advance(200);
    expect(server.connection.log).toEqual(["getData"]);
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    await queued;
  });
});

test("the default logger is silent", () => {
  expect(() => silentLogger.error({}, "nothing")).not.toThrow();
});

/** Calls `tick` every so often on the fake clock. */
function setIntervalOn(clock: FakeClock, everyMs: number, tick: () => void): { stop(): void } {
  let handle = clock.setTimer(everyMs, run);
  function run(): void {
    tick();
    handle = clock.setTimer(everyMs, run);
  }
  return { stop: () => handle.cancel() };
}
