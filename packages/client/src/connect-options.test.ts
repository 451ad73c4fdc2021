/** What `connect()` takes, on scripted servers. */
import type { Diagnostics, ProcessEnd, SignalName } from "@corral/io";
import { type ConnectResponse, ErrorCode } from "@corral/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { FakeClock, settle } from "../test-helpers/fake-clock.ts";
import { plainStat, ScriptedDialer, ScriptedServer } from "../test-helpers/scripted-server.ts";
import { random, rejection, timeoutMs, world } from "../test-helpers/world.ts";
import type { Client } from "./client.ts";
import { connect } from "./connect.ts";
import type { ClientOptions } from "./options.ts";
import type { RequestTrace } from "./tracing.ts";

const corral = "Zookeeper version: 3.9.3-corral-0.1.0\nZxid: 0x1\nMode: standalone\n";
const apache = (zxid = "0x1", mode = "follower") =>
  `Zookeeper version: 3.5.9-83df9301aa5c2a5d284a9940177808c01bc35cef, built on 01/06/2021\nZxid: ${zxid}\nMode: ${mode}\n`;

/** Servers by name, and a client's options to reach them. */
function ensemble(...names: string[]) {
  const clock = new FakeClock();
  const servers = Object.fromEntries(
    names.map((name, i) => [name, new ScriptedServer({ id: BigInt(i + 1), timeoutMs })]),
  );
  const dialer = new ScriptedDialer(servers);
  const options: ClientOptions = { clock, dialer, random, sessionTimeoutMs: timeoutMs, engine: "corral" };
  const server = (name: string): ScriptedServer => {
    const found = servers[name];
    if (found === undefined) throw new Error(`no server ${name}`);
    return found;
  };
  return { clock, dialer, options, server };
}

/** Closes the client without a server's help when the test is over. */
function closeLater(client: Client, dialer: ScriptedDialer): Client {
  onTestFinished(() => {
    for (const server of dialer.servers.values()) server.manner = "refuse";
    void client.close();
  });
  return client;
}

describe("where to connect to", () => {
  test("without a connect string, what CORRAL_CONNECT says", async () => {
    const { options, dialer } = ensemble("one");
    const environment = { get: (name: string) => (name === "CORRAL_CONNECT" ? "one/app" : undefined) };
    const client = closeLater(await connect(undefined, { ...options, environment }), dialer);
    expect(client.connectString).toBe("one/app");
    expect(client.chroot).toBe("/app");
    const error = await rejection(connect({ ...options, environment: { get: () => undefined } }));
    expect(error).toMatchObject({ code: "BadArguments" });
    expect(error.message).toContain('connect("localhost:2181"), or set CORRAL_CONNECT');
  });

  test("§6.15 a service, whose records may not be there yet; hosts that do not resolve are told one by one", async () => {
    const { options, dialer, clock } = ensemble("one");
    let records: readonly string[] = [];
    const resolver = {
      services: async (name: string) => {
        expect(name).toBe("_corral._tcp.example.org");
        if (records.length === 0) throw new Error(`querySrv ENOTFOUND ${name}`);
        return records.map((host) => ({ host: `${host}.`, port: 2181, priority: 0, weight: 0 }));
      },
    };
    const connecting = connect("srv:_corral._tcp.example.org/app", { ...options, resolver });
    await clock.advance(2_000);
    expect(dialer.dialed).toEqual([]);
    records = ["nowhere", "one"];
    await clock.advance(10_000);
    const client = closeLater(await connecting, dialer);
    expect(client.chroot).toBe("/app");
    expect(dialer.dialed).toContain("one");
    records = [];
    const failing = rejection(
      connect("srv:_corral._tcp.example.org", { ...options, resolver, connectTimeoutMs: 3_000 }),
    );
    await clock.advance(3_000);
    expect(await failing).toMatchObject({
      code: "ConnectTimeout",
      hosts: [{ host: "srv:_corral._tcp.example.org", reason: expect.stringContaining("ENOTFOUND") }],
    });
  });

  test("§6.15 a service's hosts are looked up again after an outage", async () => {
    const { options, dialer, clock, server } = ensemble("old", "new");
    let host = "old";
    let hangs = false;
    const resolver = {
      services: () =>
        hangs ? new Promise<never>(() => {}) : Promise.resolve([{ host, port: 2181, priority: 0, weight: 0 }]),
    };
    const client = closeLater(await connect("srv:_corral._tcp.example.org", { ...options, resolver }), dialer);
    await clock.advance(6_000);
    host = "new";
    server("old").manner = "refuse";
    server("old").connection.close();
    await clock.advance(500);
    expect(client.state).toBe("connected");
    expect(server("new").connections.length).toBe(1);
    // A name server that does not answer is no reason to wait: what is known may still be right.
    await clock.advance(6_000);
    hangs = true;
    server("new").connection.close();
    await clock.advance(500);
    expect(client.state).toBe("connected");
  });

  test.each(["srv:example.org", "srv:", "srv:_corral._tcp.example.org,two"])("%s is no service", async (name) => {
    expect(await rejection(connect(name))).toMatchObject({ code: "BadArguments" });
  });

  test("tls and a dialer exclude each other", async () => {
    const { options } = ensemble("one");
    expect(await rejection(connect("one", { ...options, tls: true }))).toMatchObject({ code: "BadArguments" });
  });
});

describe("a server that takes no writes", () => {
  const readOnlySession = (id: bigint): ConnectResponse => ({
    protocolVersion: 0,
    timeOut: timeoutMs,
    sessionId: id,
    passwd: new Uint8Array(16),
    readOnly: true,
  });

  test("will do with canBeReadOnly, until one is found that does", async () => {
    const { options, dialer, clock, server } = ensemble("one", "two");
    server("one").onConnect = (request) => (request.readOnly ? readOnlySession(8n) : undefined);
    server("two").manner = "refuse";
    const connecting = connect("one,two", { ...options, canBeReadOnly: true, hostOrder: "priority" });
    await clock.advance(100);
    const client = closeLater(await connecting, dialer);
    const states: string[] = [];
    client.state$.subscribe(({ state, readOnly }) => states.push(readOnly ? `${state} read-only` : state));
    expect(client.readOnly).toBe(true);
    const writing = rejection(client.set("/a", "x"));
    server("one").connection.refuse(await server("one").connection.request("setData"), ErrorCode.NotReadOnly);
    expect(await writing).toMatchObject({ code: "NotReadOnly" });
    server("one").words.isro = "ro";
    server("two").manner = "accept";
    server("two").words.isro = "rw";
    for (let i = 0; i < 30 && client.sessionId !== 2n; i++) {
      await clock.advance(200);
    }
    expect([client.readOnly, client.state, client.sessionId]).toEqual([false, "connected", 2n]);
    expect(states).toEqual(["connected read-only", "lost", "connecting", "connected"]);
    const asked = server("two").asked.length;
    await clock.advance(2_500);
    expect(server("two").asked.length).toBe(asked);
  });
});

describe("§6.16 when every server refuses", () => {
  test("they are asked why, and the error tells", async () => {
    const { options, clock, server } = ensemble("old", "starting", "silent");
    for (const name of ["old", "starting", "silent"]) {
      server(name).onConnect = () => {
        server(name).connection.close();
        return undefined;
      };
    }
    server("old").words.srvr = corral;
    server("starting").words.srvr = "This ZooKeeper instance is not currently serving requests\n";
    const failing = rejection(connect("old,starting,silent", { ...options, connectTimeoutMs: 2_000 }));
    await clock.advance(2_000);
    const error = await failing;
    expect(error).toMatchObject({
      code: "ConnectTimeout",
      hosts: expect.arrayContaining([
        expect.objectContaining({ host: "old:2181", reason: expect.stringContaining("too many connections") }),
        expect.objectContaining({ host: "starting:2181", reason: expect.stringContaining("not serving") }),
        expect.objectContaining({
          host: "silent:2181",
          reason: expect.stringContaining("closed it without an answer"),
        }),
      ]),
    });
    // There is no use in looking whether a server runs: all of them do.
    expect(error).toHaveProperty("message", expect.stringMatching(/Something listens there: its log says why .*\.$/));
  });

  test("a client that has seen more than a server is told so, and so is the log", async () => {
    const { client, server, clock, log } = await world();
    const reading = client.get("/a");
    const request = await server.connection.request("getData");
    server.connection.answer("getData", request, { data: null, stat: plainStat }, 50);
    await reading;
    server.onConnect = () => {
      server.connection.close();
      return undefined;
    };
    server.words.srvr = corral;
    server.connection.close();
    await clock.advance(500);
    expect(client.diagnosis()).toMatchObject([{ host: "one:2181", reason: expect.stringMatching(/0x1.*0x32/) }]);
    expect(log.some((line) => line.startsWith("warn: a server refuses this client"))).toBe(true);
  });
});

describe("§6.24 whose servers they are", () => {
  test("is asked once, behind the first session", async () => {
    for (const [answer, engine] of [
      [corral, "corral"],
      [apache(), "apache"],
    ] as const) {
      const { options, dialer, server, clock } = ensemble("one");
      const { engine: _, ...unknown } = options;
      server("one").words.srvr = answer;
      const client = closeLater(await connect("one", unknown), dialer);
      await settle();
      const reading = client.get("/a", { linearizable: true });
      const { connection } = server("one");
      if (engine === "corral") connection.answer("sync", await connection.request("sync"), { path: "/a" });
      else connection.answer("multi", await connection.request("multi"), [{ type: -1, err: ErrorCode.NoNode }]);
      connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
      await reading;
      connection.close();
      await clock.advance(500);
      expect(client.state).toBe("connected");
      expect(server("one").asked).toEqual(["srvr"]);
    }
  });

  test("where nobody says, it is asked again on later connections, but not for ever; and nothing is assumed", async () => {
    const { options, dialer, server, clock } = ensemble("one");
    const { engine: _, ...unknown } = options;
    const client = closeLater(await connect("one", unknown), dialer);
    for (let i = 0; i < 6; i++) {
      await settle();
      server("one").connection.close();
      await clock.advance(3_000);
    }
    expect(server("one").asked).toEqual(["srvr", "srvr", "srvr"]);
    const reading = client.exists("/a", { linearizable: true });
    const { connection } = server("one");
    connection.answer("multi", await connection.request("multi"), [{ type: -1, err: ErrorCode.NoNode }]);
    connection.answer("exists", await connection.request("exists"), { stat: plainStat });
    await reading;
  });

  test("multiRead is not tried where it is known to be missing, and found out where it is not", async () => {
    const { options, dialer, server } = ensemble("one");
    const { engine: _, ...unknown } = options;
    server("one").words.srvr = apache();
    const client = closeLater(await connect("one", unknown), dialer);
    await settle();
    const { connection } = server("one");
    const readTwo = async (first: string) => {
      const reading = client.multiRead().get("/a").children("/b").read();
      if (first === "multiRead") connection.refuse(await connection.request("multiRead"), ErrorCode.Unimplemented);
      connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
      connection.refuse(await connection.request("getChildren"), ErrorCode.NoNode);
      return await reading;
    };
    const expected = [
      { ok: true, data: null },
      { ok: false, error: { code: "NoNode" } },
    ];
    expect(await readTwo("getData")).toMatchObject(expected);
    expect(connection.log).not.toContain("multiRead");
  });

  test("and found out where it is not", async () => {
    const { client, server } = await world();
    const { connection } = server;
    for (const isFirst of [true, false]) {
      const reading = client.multiRead().get("/a").read();
      if (isFirst) connection.refuse(await connection.request("multiRead"), ErrorCode.Unimplemented);
      connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
      await reading;
    }
    expect(connection.log).toEqual(["multiRead", "getData", "getData"]);
  });

  test("§6.5 the deadline is the careful one until it is known", async () => {
    const { options, dialer, server, clock } = ensemble("one");
    const { engine: _, ...unknown } = options;
    const client = closeLater(await connect("one", unknown), dialer);
    const before = client.deadlineMs;
    await clock.advance(1_600);
    expect(server("one").connection.pings).toBe(1);
    expect(client.deadlineMs).toBe(before);
    server("one").words.srvr = corral;
    server("one").connection.close();
    await clock.advance(1_000);
    await clock.advance(3_000);
    expect(client.deadlineMs).toBeGreaterThan(before + 2_000);
  });
});

describe("what is told about it", () => {
  test("metrics are plain numbers", async () => {
    const { client, server, clock } = await world();
    const { connection } = server;
    const reading = client.get("/a", { watch: () => {} });
    connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat }, 9);
    await reading;
    const missing = rejection(client.get("/b"));
    connection.refuse(await connection.request("getData"), ErrorCode.NoNode);
    await missing;
    const aborted = rejection(client.sync("/", { signal: AbortSignal.abort() }));
    await aborted;
    const controller = new AbortController();
    const givenUp = rejection(client.set("/a", "x", { signal: controller.signal }));
    controller.abort();
    await givenUp;
    const lost = rejection(client.set("/a", "y"));
    expect(client.metrics().waiting.requests).toBe(2);
    connection.close();
    await lost;
    await clock.advance(500);
    clock.stall(300);
    await clock.advance(5_000);
    const metrics = client.metrics();
    expect(metrics).toMatchObject({
      state: "connected",
      lastZxid: 9,
      operations: {
        getData: { answered: 2, errors: 1, failed: 0, aborted: 0 },
        setData: { answered: 0, errors: 0, failed: 1, aborted: 1 },
      },
      waiting: { requests: 1, bytes: 0 },
      watches: { watchers: 1, events: 0 },
      connections: { attempted: 2, failed: 0, established: 2 },
      sessionsLost: 0,
    });
    expect(metrics.bytes.sent).toBeGreaterThan(100);
    expect(metrics.bytes.received).toBeGreaterThan(100);
    expect(structuredClone(metrics)).toEqual(metrics);
  });

  test("requests, states and connections go to diagnostics channels, while somebody listens", async () => {
    const messages: [string, unknown][] = [];
    let listening = false;
    const diagnostics: Diagnostics = {
      channel: (name) => ({
        get hasSubscribers() {
          return listening;
        },
        publish: (message) => messages.push([name, structuredClone(message)]),
      }),
    };
    const { client, server, clock } = await world({ diagnostics });
    expect(messages).toEqual([]);
    listening = true;
    const reading = client.exists("/a");
    server.connection.refuse(await server.connection.request("exists"), ErrorCode.NoNode);
    await reading;
    server.connection.close();
    await clock.advance(500);
    const about: Omit<RequestTrace, "outcome"> = { operation: "exists", path: "/a", sessionId: 77n };
    expect(messages).toEqual([
      ["corral.client.request.start", about],
      ["corral.client.request.end", { ...about, outcome: "NoNode", durationMs: 0 }],
      ["corral.client.connection", { type: "broken", host: "one:2181", reason: "the server closed the connection" }],
      ["corral.client.state", expect.objectContaining({ state: "suspended", sessionId: 77n })],
      ["corral.client.connection", { type: "dialing", host: "one:2181" }],
      ["corral.client.connection", { type: "established", host: "one:2181" }],
      ["corral.client.state", expect.objectContaining({ state: "connected" })],
    ]);
  });
});

describe("closeOnSignals", () => {
  function fakeProcess() {
    const registered: { signals: readonly SignalName[]; close: () => Promise<unknown> }[] = [];
    const exits = new Set<() => void>();
    const processEnd: ProcessEnd = {
      onSignal(signals, close) {
        const one = { signals, close };
        registered.push(one);
        return () => void registered.splice(registered.indexOf(one), 1);
      },
      onExit(callback) {
        exits.add(callback);
        return () => void exits.delete(callback);
      },
    };
    return { registered, exits, processEnd };
  }

  test("registers for the signals and the exit, until the client is closed", async () => {
    const { processEnd, registered, exits } = fakeProcess();
    const { server } = await world({ processEnd, closeOnSignals: true });
    expect(registered.map(({ signals }) => signals)).toEqual([["SIGINT", "SIGTERM"]]);
    expect(exits.size).toBe(1);
    const closed = registered[0]?.close();
    server.connection.answer("closeSession", await server.connection.request("closeSession"), {});
    await closed;
    await settle();
    expect([registered.length, exits.size]).toEqual([0, 0]);
  });

  test("at exit the session's end leaves within the turn", async () => {
    const { processEnd, exits } = fakeProcess();
    const { server } = await world({ processEnd, closeOnSignals: ["SIGHUP"] });
    for (const exit of exits) exit();
    expect(server.connection.log).toEqual(["closeSession"]);
  });

  test("is off by default, and for clients that could not connect", async () => {
    const { processEnd, registered } = fakeProcess();
    await world({ processEnd });
    const { options, clock, server } = ensemble("one");
    server("one").manner = "refuse";
    const failing = rejection(
      connect("one", { ...options, processEnd, closeOnSignals: true, connectTimeoutMs: 1_000 }),
    );
    await clock.advance(1_000);
    await failing;
    expect(registered).toEqual([]);
  });
});
