/** The client's connection, on real servers and sockets: TLS, names, deadlines, servers that were wiped, the process's end. */
import { getServers, setServers } from "node:dns/promises";
import type { AddressInfo, LookupFunction } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type Client, connect, isCoordinationError, type StateEvent } from "@corral/client";
import { nodeTlsDialer } from "@corral/io";
import { FaultProxy, TestServer } from "@corral/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as certificates from "../support/certificates.ts";
import { SrvNameServer } from "../support/srv-name-server.ts";
import { TestProcesses } from "../support/test-processes.ts";
import { TlsFront } from "../support/tls-front.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.close());

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error("it succeeded")),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );

describe("TLS", () => {
  const { ca } = certificates;
  /** Nobody waits for it. */
  const hourMs = 3_600_000;

  test("a whole session through it, with the client's certificate where the server wants one", async () => {
    const options = { ...certificates.server, ca, requestCert: true, rejectUnauthorized: true };
    await using front = await TlsFront.start(server.port, options);
    const tls = { ca, ...certificates.client };
    await using client = await connect(`127.0.0.1:${front.port}`, { tls });
    await client.create("/tls", "x".repeat(500_000));
    expect((await client.get("/tls")).data?.length).toBe(500_000);
    await client.delete("/tls");
    const stranger = await failure(connect(`127.0.0.1:${front.port}`, { tls: { ca }, connectTimeoutMs: hourMs }));
    expect(stranger).toMatchObject({ name: "NotTrustedError", code: "NotTrusted" });
    expect(stranger.message).toMatch(/certificate required.*\(--tls-cert\)/);
  });

  test("a certificate of nobody known, or for another name, is refused, and it is said why", async () => {
    await using front = await TlsFront.start(server.port, certificates.server);
    const strange = await failure(connect(`localhost:${front.port}`, { tls: true, connectTimeoutMs: hourMs }));
    expect(strange).toMatchObject({ name: "NotTrustedError", code: "NotTrusted" });
    expect(strange.message).toMatch(/not to be trusted.*tls\.ca \(--tls-ca\)/);
    const tls = { ca, servername: "elsewhere.example" };
    const misnamed = await failure(connect(`127.0.0.1:${front.port}`, { tls, connectTimeoutMs: hourMs }));
    expect(misnamed.message).toMatch(/not to be trusted.*elsewhere\.example.*tls\.servername \(--tls-name\)/);
    const both = `127.0.0.1:${front.port},127.0.0.1:1`;
    expect(await failure(connect(both, { tls: true, connectTimeoutMs: 500 }))).toMatchObject({
      code: "ConnectTimeout",
    });
  });

  test("a name of several servers: one that is not trusted ends nothing, as the next dial may draw another", async () => {
    await using front = await TlsFront.start(server.port, certificates.foreign);
    let dials = 0;
    const lookup: LookupFunction = (_name, _options, callback) => {
      if (++dials === 3) front.renew(certificates.server);
      // Nobody listens at the second.
      callback(null, [
        { address: "127.0.0.1", family: 4 },
        { address: "127.0.0.2", family: 4 },
      ]);
    };
    const dialer = nodeTlsDialer({ ca, servername: "localhost" }, lookup);
    await using client = await connect(`many.example:${front.port}`, { dialer, connectTimeoutMs: hourMs });
    expect(client.state).toBe("connected");
    expect(dials).toBeGreaterThanOrEqual(3);
  });

  test("§6.16 with and without TLS where the other is spoken: the error says so", async () => {
    await using front = await TlsFront.start(server.port, certificates.server);
    const plain = await failure(connect(`127.0.0.1:${front.port}`, { connectTimeoutMs: 500 }));
    expect(plain.message).toMatch(/speaks TLS|closed/);
    const tls = await failure(connect(server.connectString, { tls: { ca }, connectTimeoutMs: 500 }));
    expect(tls.message).toContain("it may be a port for clear text");
  });

  test("a handshake that the server breaks off is told in one line, with what it may want", async () => {
    const others = createTlsServer({
      ...certificates.server,
      maxVersion: "TLSv1.2",
      ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
    });
    others.on("tlsClientError", () => "expected");
    await new Promise<void>((resolve) => others.listen(0, "127.0.0.1", resolve));
    const { port } = others.address() as AddressInfo;
    const error = await failure(connect(`127.0.0.1:${port}`, { tls: { ca }, connectTimeoutMs: 500 }));
    expect(error.message).toMatch(
      /broke off the TLS handshake: [^\n]*handshake failure \(it may want a certificate of the client's, or other ciphers\)/,
    );
    others.close();
  });
});

describe("§6.15 names", () => {
  test("one that does not resolve is told, and does not keep the others from being tried", async () => {
    const list = `no-such-host.invalid:2181,${server.connectString}`;
    await using client = await connect(list, { connectTimeoutMs: 10_000 });
    expect(client.state).toBe("connected");
    const error = await failure(connect("no-such-host.invalid:2181", { connectTimeoutMs: 500 }));
    expect(error.message).toMatch(/no-such-host\.invalid:2181: .*(ENOTFOUND|EAI_AGAIN)/);
  });

  test("localhost may be two addresses, of which one has a server", async () => {
    await using client = await connect(`localhost:${server.port}`, { connectTimeoutMs: 10_000 });
    expect(client.state).toBe("connected");
  });
});

test("§6.15 a service in DNS: found when it appears there, by priority, and again where it has moved", async () => {
  await using names = await SrvNameServer.start();
  await using first = await TestServer.start();
  await using second = await TestServer.start();
  const before = getServers();
  setServers([names.address]);
  try {
    const connecting = connect("srv:_corral._tcp.test.example/app", { sessionTimeoutMs: 10_000 });
    await expect.poll(() => names.asked).toBeGreaterThan(0);
    names.records = [
      { priority: 2, weight: 0, port: second.port, target: "localhost" },
      { priority: 1, weight: 0, port: first.port, target: "localhost" },
    ];
    await using client = await connecting;
    expect(client.chroot).toBe("/app");
    expect([first.sessionCount, second.sessionCount]).toEqual([1, 0]);
    names.records = [{ priority: 1, weight: 0, port: second.port, target: "localhost" }];
    await first.stop();
    // A session is not known to another server that is no member of its ensemble: it is a new one.
    await expect.poll(() => second.sessionCount, { timeout: 30_000 }).toBe(1);
  } finally {
    setServers(before);
  }
});

describe("the deadline", () => {
  async function states(client: Client): Promise<StateEvent[]> {
    const seen: StateEvent[] = [];
    client.state$.subscribe((event) => seen.push(event));
    return seen;
  }

  test("§6.5 suspended and lost are told apart; §6.6 lost comes before the server can have expired the session", async () => {
    await using proxy = await FaultProxy.start(server.connectString);
    await using other = await connect(server.connectString);
    const client = await connect(proxy.connectString, { sessionTimeoutMs: 1_500 });
    const seen = await states(client);
    await client.create("/mine", null, { mode: "ephemeral" });
    let goneAtMs = Number.POSITIVE_INFINITY;
    await other.get("/mine", {
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
    expect(seen.map(({ state }) => state)).toEqual(["connected", "suspended", "lost", "connecting"]);
    expect(seen[2]?.reason).toBe("deadline");
    proxy.accept();
    proxy.resume();
    await client.close();
  });

  test("§6.1 §6.25 a program that stood still sends nothing in a belief that is out of date", async () => {
    const client = await connect(server.connectString, { sessionTimeoutMs: 1_500 });
    await using other = await connect(server.connectString);
    await other.create("/epoch", "mine").catch(() => undefined);
    await client.create("/holder", null, { mode: "ephemeral" });
    const seen = await states(client);
    const stallUntilMs = performance.now() + 2_200;
    while (performance.now() < stallUntilMs);
    // In the same turn, before any timer or socket had its say.
    const writing = failure(client.set("/epoch", "still mine?"));
    expect(await writing).toMatchObject({ code: "SessionExpired" });
    expect(seen.some(({ state }) => state === "lost")).toBe(true);
    expect((await other.get("/epoch")).data?.toString()).toBe("mine");
    await client.close();
  });
});

test("§6.16 a server that was wiped is behind the client: said while it refuses, and got over with a new session", async () => {
  await using wiped = await TestServer.start();
  const warnings: string[] = [];
  const say = () => undefined;
  const logger = {
    debug: say,
    info: say,
    error: say,
    warn: (fields: object, message: string) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
  };
  await using client = await connect(wiped.connectString, { sessionTimeoutMs: 1_000, logger });
  for (let i = 0; i < 50; i++) await client.create(`/n${i}`);
  const { lastZxid } = client;
  // A server alone begins a new epoch at each start, and so with a higher zxid; a wiped one begins again.
  await wiped.restart({ wiped: true });
  await expect.poll(() => client.state === "connected" && client.lastZxid < lastZxid, { timeout: 60_000 }).toBe(true);
  expect(warnings.some((warning) => /older than what this client has seen/.test(warning))).toBe(true);
  await client.create("/again");
});

describe("§6.25 the end of the process", () => {
  test.each([
    ["process.exit()", "exit", { code: 7, signal: null }],
    ["a signal nobody else handles", "signal", { code: null, signal: "SIGTERM" }],
    ["a signal the program handles itself", "handler", { code: 3, signal: null }],
  ] as const)("leaves no ephemeral node behind: %s", async (_, how, ending) => {
    await using client = await connect(server.connectString);
    await using processes = await TestProcesses.make();
    const path = `/process-${how}`;
    const child = processes.start("end-in-order", how, { connectString: server.connectString, path, how });
    await child.entry(({ event }) => event === "created");
    const gone = new Promise(
      (resolve) => void client.exists(path, { watch: resolve }).then((stat) => stat ?? resolve(0)),
    );
    if (how !== "exit") child.process.kill("SIGTERM");
    expect(await child.exited).toEqual(ending);
    // Its timeout is 30 s; nobody waits for that.
    const timeout = new Promise((resolve) => setTimeout(resolve, 20_000, "timeout").unref());
    expect(await Promise.race([gone, timeout])).not.toBe("timeout");
  });

  test("no rejection is left unhandled, whatever is under way when the client is closed", async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", listener);
    const proxy = await FaultProxy.start(server.connectString);
    const client = await connect(proxy.connectString, { sessionTimeoutMs: 1_000 });
    const work = [
      client.watchNode("/x").subscribe(),
      client.watchTree("/").subscribe(),
      client.create("/p-", null, { protected: true, mode: "ephemeralSequential" }),
      client.delete("/x", { guaranteed: true }),
      client.get("/", { linearizable: true }),
      client.addAuth("digest", "a:b"),
      client.multiRead().get("/").read(),
    ].map((each) => (each instanceof Promise ? each.catch((error: unknown) => isCoordinationError(error)) : true));
    proxy.cut();
    proxy.refuse();
    await client.close();
    await Promise.all(work);
    await proxy.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listener);
    expect(unhandled).toEqual([]);
  });
});
