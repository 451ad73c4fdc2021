/** The fault proxy of @corral/testing, between real clients and a real server. */
import { once } from "node:events";
import { connect as tcpConnect } from "node:net";
import { type Client, connect, isCoordinationError } from "@corral/client";
import { OpCode, openAcl } from "@corral/protocol";
import { FaultProxy, type ProxiedFrame, seededRandom, TestServer } from "@corral/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { nextState } from "../support/states.ts";

const sessionTimeoutMs = 5_000;
let server: TestServer;
let proxy: FaultProxy;
/** Connected past the proxy. */
let direct: Client;

beforeEach(async () => {
  server = await TestServer.start();
  proxy = await FaultProxy.start(server.connectString);
  direct = await connect(server.connectString);
});
afterEach(async () => {
  await direct.close();
  await proxy.close();
  await server.close();
  // Nothing is left of any connection.
  await expect.poll(() => process.getActiveResourcesInfo().filter((one) => one.startsWith("TCP"))).toEqual([]);
});

const through = () => connect(proxy.connectString, { sessionTimeoutMs });
const proxyPort = () => Number(proxy.connectString.split(":")[1]);
const isLoss = (error: unknown) => isCoordinationError(error, "ConnectionLoss");

describe("without faults", () => {
  test("a client works as without the proxy, and the proxy knows its session", async () => {
    await using client = await through();
    expect(await client.create("/a", "x".repeat(500_000))).toBe("/a");
    expect((await direct.get("/a")).data).toHaveLength(500_000);
    expect((await client.get("/a")).data).toHaveLength(500_000);
    const connection = proxy.connectionOf(client.sessionId);
    expect(proxy.connections).toContain(connection);
    expect(connection).toMatchObject({
      sessionId: client.sessionId,
      server: server.connectString,
      isOpen: true,
    });
    await client.close();
    await expect.poll(() => proxy.counts.open).toBe(0);
    expect(connection?.isOpen).toBe(false);
    expect(proxy.connectionOf(client.sessionId)).toBeUndefined();
  });

  test("connections are counted", async () => {
    const c = await RawConnection.withSession(proxyPort());
    expect(proxy.counts).toEqual({ accepted: 1, refused: 0, cut: 0, open: 1 });
    c.destroy();
    await expect.poll(() => proxy.counts).toEqual({ accepted: 1, refused: 0, cut: 0, open: 0 });
  });

  test("keeps the chroot and the order of several servers, each behind an address of its own", async () => {
    await using other = await TestServer.start();
    await using both = await FaultProxy.start(`${server.connectString},${other.connectString}/app`);
    expect(both.connectString).toMatch(/^127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/app$/);
    const [first, second] = both.connectString.replace("/app", "").split(",");
    await using one = await connect(`${first}`);
    await using two = await connect(`${second}`);
    await one.create("/of-first");
    await two.create("/of-second");
    expect(await direct.exists("/of-first")).toBeDefined();
    expect(await direct.exists("/of-second")).toBeUndefined();
  });

  test("four-letter words and half frames pass", async () => {
    const socket = tcpConnect({ host: "127.0.0.1", port: proxyPort() });
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.write("ru");
    socket.write("ok");
    await once(socket, "close");
    expect(answer).toBe("imok");

    const half = await RawConnection.open(proxyPort());
    half.socket.end(Buffer.from([0, 0, 0, 44, 1, 2, 3]));
    await half.closed;
  });

  test("a connection to a server that is not there is reset", async () => {
    await server.stop();
    const c = await RawConnection.open(proxyPort());
    c.socket.write("x");
    await c.closed;
    await expect.poll(() => proxy.counts).toMatchObject({ accepted: 1, cut: 0, open: 0 });
  });

  test("passes many bytes both ways though the reader is slow", async () => {
    const c = await RawConnection.withSession(proxyPort());
    const data = Buffer.alloc(900_000, 7);
    await c.call("create", { path: "/big", data, acl: openAcl, flags: 0 });
    c.socket.pause();
    for (let i = 0; i < 40; i++) c.send("getData", { path: "/big", watch: false });
    await expect.poll(() => direct.exists("/big")).toBeDefined();
    c.socket.resume();
    for (let i = 0; i < 40; i++) {
      const reply = await c.reply();
      expect(reply.header.err).toBe(0);
      expect(reply.body.length).toBeGreaterThan(900_000);
    }
    c.destroy();
  });
});

describe("latency", () => {
  test("delays each way, and keeps the order", async () => {
    await using client = await through();
    proxy.latency(50);
    const startedMs = performance.now();
    let passed = 0;
    proxy.onFrame((frame) => {
      if (frame.kind === "request" && frame.operation?.startsWith("create")) passed++;
    });
    let passedAtFirst = 0;
    const first = client.create("/a").then((path) => {
      passedAtFirst = passed;
      return path;
    });
    const replies = await Promise.all([first, client.create("/b"), client.create("/c")]);
    expect(replies).toEqual(["/a", "/b", "/c"]);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(100);
    // Not one after the other: they were under way together.
    expect(passedAtFirst).toBe(3);
  });

  test("that varies is drawn from the generator, and overtakes nothing", async () => {
    await using jittery = await FaultProxy.start(server.connectString, {
      latency: { minMs: 0, maxMs: 10 },
      random: seededRandom(3),
    });
    await using client = await connect(jittery.connectString);
    await client.create("/seq");
    const made = await Promise.all(
      Array.from({ length: 50 }, () => client.create("/seq/n-", null, { mode: "persistentSequential" })),
    );
    expect(made).toEqual([...made].sort());
  });

  test("of one direction, and of one connection", async () => {
    await using slow = await through();
    await using quick = await through();
    proxy.connectionOf(slow.sessionId)?.latency(100, "toClient");
    const order: string[] = [];
    await Promise.all([
      slow.exists("/").then(() => order.push("slow")),
      quick
        .exists("/")
        .then(() => quick.exists("/"))
        .then(() => order.push("quick")),
    ]);
    expect(order).toEqual(["quick", "slow"]);
  });
});

describe("cut and refuse", () => {
  test("a cut client comes back with its session", async () => {
    await using client = await through();
    const { sessionId } = client;
    const suspended = nextState(client, "suspended");
    proxy.cut();
    await suspended;
    await nextState(client, "connected");
    expect(client.sessionId).toBe(sessionId);
    expect(proxy.connectionOf(sessionId)?.isOpen).toBe(true);
  });

  test("a reset is a reset", async () => {
    const c = tcpConnect({ host: "127.0.0.1", port: proxyPort() });
    await once(c, "connect");
    await expect.poll(() => proxy.counts.open).toBe(1);
    const broken = once(c, "error");
    proxy.cut();
    expect(await broken).toMatchObject([{ code: "ECONNRESET" }]);
  });

  test("one connection is cut and the other lives", async () => {
    await using one = await through();
    await using other = await through();
    const suspended = nextState(one, "suspended");
    const connection = proxy.connectionOf(other.sessionId);
    proxy.connectionOf(one.sessionId)?.cut();
    await suspended;
    await other.exists("/");
    expect(connection?.isOpen).toBe(true);
  });

  test("refused clients stay away until they are accepted", async () => {
    await using client = await through();
    const suspended = nextState(client, "suspended");
    proxy.refuse();
    expect(client.state).toBe("connected");
    proxy.cut();
    await suspended;
    await expect.poll(() => proxy.counts.refused).toBeGreaterThan(1);
    const connected = nextState(client, "connected");
    proxy.accept();
    await connected;
  });
});

describe("stall", () => {
  test("to the client: the server hears and answers, the client learns nothing until it is resumed", async () => {
    await using client = await through();
    const connection = proxy.connectionOf(client.sessionId);
    proxy.stall("toClient");
    let answered = false;
    const creating = client.create("/a").then((path) => {
      answered = true;
      return path;
    });
    await expect.poll(() => direct.exists("/a")).toBeDefined();
    expect(answered).toBe(false);
    proxy.resume();
    expect(await creating).toBe("/a");
    expect(proxy.connectionOf(client.sessionId)).toBe(connection);
  });

  test("to the server: what the client sends is kept, and delivered in order", async () => {
    await using client = await through();
    proxy.stall("toServer");
    const creating = Promise.all([client.create("/a"), client.create("/a/b")]);
    await direct.sync();
    expect(await direct.exists("/a")).toBeUndefined();
    proxy.resume("toServer");
    expect(await creating).toEqual(["/a", "/a/b"]);
  });

  test("what is kept is lost with the connection", async () => {
    const c = await RawConnection.withSession(proxyPort());
    proxy.stall("toServer");
    c.send("create", { path: "/lost", data: null, acl: openAcl, flags: 0 });
    c.socket.end();
    // The client is gone, and the server has not been told.
    await once(c.socket, "finish");
    expect(proxy.counts.open).toBe(1);
    proxy.cut();
    proxy.resume();
    await c.closed;
    await direct.sync();
    expect(await direct.exists("/lost")).toBeUndefined();
  });

  test("the death of one side is held back with everything else", async () => {
    const c = await RawConnection.withSession(proxyPort());
    const [connection] = proxy.connections;
    connection?.stall("toServer");
    c.send("create", { path: "/late", data: null, acl: openAcl, flags: 0 });
    c.destroy();
    await c.closed;
    await direct.sync();
    expect(await direct.exists("/late")).toBeUndefined();
    connection?.resume();
    await expect.poll(() => direct.exists("/late")).toBeDefined();
    await expect.poll(() => connection?.isOpen).toBe(false);
  });

  test("both ways, for as long as a session lives: it expires on both sides, each in its own time", async () => {
    await using client = await connect(proxy.connectString, { sessionTimeoutMs: 1_500 });
    await client.create("/mine", null, { mode: "ephemeral" });
    const gone = new Promise((resolve) => void direct.exists("/mine", { watch: resolve }));
    const lost = nextState(client, "lost");
    proxy.stall("both");
    const first = await Promise.race([lost.then(() => "client"), gone.then(() => "server")]);
    expect(first).toBe("client");
    await gone;
    proxy.resume();
    await nextState(client, "connected");
  });

  test("new connections are accepted and hear nothing", async () => {
    proxy.stall("toServer");
    const c = await RawConnection.open(proxyPort());
    const answer = c.handshake();
    await expect.poll(() => proxy.counts.open).toBe(1);
    expect(server.sessionCount).toBe(1);
    proxy.resume();
    expect((await answer).sessionId).not.toBe(0n);
    c.destroy();
  });
});

describe("dropped frames", () => {
  test("a dropped reply: the write happened, and the client does not know", async () => {
    await using client = await through();
    const drop = proxy.dropReply(({ operation, path }) => operation === "create" && path === "/a");
    await client.create("/other");
    await expect(client.create("/a", "made")).rejects.toSatisfy(isLoss);
    const { frame, connection } = await drop.happened;
    expect(frame).toMatchObject({ kind: "reply", opcode: OpCode.create, path: "/a", err: 0 });
    expect(connection.isOpen).toBe(false);
    expect((await direct.get("/a")).data?.toString()).toBe("made");
    // Once only.
    expect(drop.count).toBe(1);
    await client.delete("/a");
    expect(await client.create("/a")).toBe("/a");
  });

  test("replies before the dropped one arrive, of one bunch as well", async () => {
    await using client = await through();
    proxy.dropReply(({ path }) => path === "/c");
    proxy.stall("toClient");
    const outcomes = Promise.allSettled(["/a", "/b", "/c", "/d"].map((path) => client.create(path)));
    await expect.poll(() => direct.exists("/d")).toBeDefined();
    proxy.resume();
    expect((await outcomes).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
  });

  test("a dropped request: the write did not happen, and what was sent before it did", async () => {
    await using client = await through();
    const drop = proxy.dropRequest(({ path }) => path === "/b");
    const outcomes = await Promise.allSettled(["/a", "/b", "/c"].map((path) => client.create(path)));
    expect(outcomes.slice(1)).toMatchObject([
      { status: "rejected", reason: { code: "ConnectionLoss" } },
      { status: "rejected", reason: { code: "ConnectionLoss" } },
    ]);
    expect((await drop.happened).frame).toMatchObject({ kind: "request", operation: "create", path: "/b" });
    await expect.poll(() => direct.exists("/a")).toBeDefined();
    expect(await direct.exists("/b")).toBeUndefined();
    expect(await direct.exists("/c")).toBeUndefined();
  });

  test("the reply to a handshake: a session that its client never hears of", async () => {
    const drop = proxy.dropReply(({ operation }) => operation === "createSession");
    await using client = await through();
    const { connection } = await drop.happened;
    expect(connection.sessionId).not.toBe(client.sessionId);
    expect(server.sessionCount).toBe(3);
  });

  test("several, and none after it was cancelled", async () => {
    await using client = await through();
    const drop = proxy.dropReply(({ operation }) => operation === "setData", { times: 2 });
    await client.create("/a");
    for (let i = 0; i < 2; i++) await expect(client.set("/a", "x")).rejects.toSatisfy(isLoss);
    expect((await client.set("/a", "x")).version).toBe(3);
    expect(drop.count).toBe(2);
    const never = proxy.dropReply(() => true);
    never.cancel();
    await expect(never.happened).rejects.toThrow("cancelled");
    await client.set("/a", "x");
  });

  test("one client's, by its session", async () => {
    await using one = await through();
    await using other = await through();
    using drop = proxy.dropReply(
      ({ operation }, { sessionId }) => operation === "create" && sessionId === other.sessionId,
    );
    await one.create("/a");
    await expect(other.create("/b")).rejects.toSatisfy(isLoss);
    expect(drop.count).toBe(1);
  });
});

describe("the tap", () => {
  test("tells each frame that passed, in order, events among them", async () => {
    await using client = await through();
    const frames: ProxiedFrame[] = [];
    const stop = proxy.onFrame((frame) => frames.push(frame));
    await client.create("/a");
    const fired = new Promise((resolve) => void client.get("/a", { watch: resolve }));
    await client.set("/a", "x");
    await fired;
    const story = frames.filter((frame) => frame.kind === "event" || frame.operation !== "ping");
    expect(story.map((frame) => `${frame.kind} ${frame.kind === "event" ? frame.event : frame.operation}`)).toEqual([
      "request create",
      "reply create",
      "request getData",
      "request setData",
      "reply getData",
      "event nodeDataChanged",
      "reply setData",
    ]);
    stop();
    const seen = frames.length;
    await client.exists("/a");
    expect(frames).toHaveLength(seen);
  });

  test("may cut the connection at a frame", async () => {
    await using client = await through();
    proxy.onFrame((frame, connection) => {
      if (frame.kind === "request" && frame.path === "/a") connection.cut();
    });
    await expect(client.create("/a")).rejects.toSatisfy(isLoss);
  });
});

test("closing the proxy cuts every connection, and rejects who waits for a drop", async () => {
  const c = await RawConnection.withSession(proxyPort());
  const { happened } = proxy.dropReply(() => true);
  await proxy.close();
  await c.closed;
  await expect(happened).rejects.toThrow("closed");
  await expect(RawConnection.open(proxyPort())).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
