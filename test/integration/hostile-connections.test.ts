/** The server lives through whatever connects to it: right answer, a line in the log, everybody else undisturbed. */
import { randomBytes } from "node:crypto";
import { ErrorCode, openAcl, SpecialXid } from "@corral/protocol";
import { defaultLimits, type Server, startServer } from "@corral/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";

let logger: RecordingLogger;
let server: Server;
let bystander: RawConnection;

async function start(limits: Partial<typeof defaultLimits> = {}): Promise<void> {
  logger = new RecordingLogger();
  server = await startServer({ logger, tickMs: 50, maxSessionTimeoutMs: 60_000, limits });
  bystander = await RawConnection.withSession(server.clientPort);
}

/** The bystander's session and data are as they were, and it gets its answers. */
async function bystanderIsFine(): Promise<void> {
  const created = await bystander.call("create", { path: "/bystander", data: null, acl: openAcl, flags: 1 });
  expect(created.header.err).toBe(0);
  const deleted = await bystander.call("delete", { path: "/bystander", version: -1 });
  expect(deleted.header.err).toBe(0);
  expect(server.sessionCount).toBeGreaterThanOrEqual(1);
}

beforeEach(() => start());
afterEach(async () => {
  bystander.destroy();
  await server.close();
});

function lengthField(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

describe("before the handshake", () => {
  beforeEach(async () => {
    await server.close();
    bystander.destroy();
    await start({ handshakeMs: 1_000 });
  });

  test.each([
    ["nothing", Buffer.alloc(0), "it sent nothing in 1000 ms"],
    ["half a length", Buffer.from([0, 0]), "it sent only 2 bytes"],
    ["half a frame", Buffer.concat([lengthField(45), Buffer.alloc(20)]), "it sent only 24 bytes"],
  ])("who sends %s is cut off in time", async (_what, bytes, reason) => {
    const c = await RawConnection.open(server.clientPort);
    c.socket.write(bytes);
    await c.closed;
    await logger.line(reason);
    await bystanderIsFine();
  });

  test("a complete frame that is no connect request ends the connection", async () => {
    const c = await RawConnection.open(server.clientPort);
    c.socket.write(Buffer.concat([lengthField(3), Buffer.from("abc")]));
    await c.closed;
    await logger.line("its first frame is no connect request");
    await bystanderIsFine();
  });
});

describe("frames of impossible length", () => {
  test.each([-1, 2 ** 31 - 1, (1 << 20) + 1, defaultLimits.maxFrameBytes + 1])("%d bytes", async (length) => {
    for (const inSession of [false, true]) {
      const c = inSession
        ? await RawConnection.withSession(server.clientPort)
        : await RawConnection.open(server.clientPort);
      c.socket.write(lengthField(length));
      await c.closed;
      await logger.line(`A frame of ${length} bytes`);
    }
    await bystanderIsFine();
  });

  test("the longest frame allowed is answered, and what was sent before an impossible one too", async () => {
    const c = await RawConnection.withSession(server.clientPort);
    const overhead = c.encode("create", { path: "/big", data: Buffer.alloc(0), acl: openAcl, flags: 0 }).length - 4;
    const data = Buffer.alloc(defaultLimits.maxFrameBytes - overhead);
    expect((await c.call("create", { path: "/big", data, acl: openAcl, flags: 0 })).header.err).toBe(0);
    c.socket.write(Buffer.concat([c.encode("exists", { path: "/big", watch: false }), lengthField(-1)]));
    expect((await c.reply()).header.err).toBe(0);
    await c.closed;
  });
});

test("garbage of any kind ends only its own connection", async () => {
  const kinds = [
    // First, for of lines alike the log has one a second.
    Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]),
    randomBytes(4_096),
    Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    Buffer.concat([lengthField(45), randomBytes(45)]),
  ];
  for (const bytes of kinds) {
    const c = await RawConnection.open(server.clientPort);
    c.socket.write(bytes);
    // A random frame may pass for a connect request; then it is answered with "session gone" and closed as well.
    await c.closed;
  }
  await logger.line("looks like TLS");
  await bystanderIsFine();
});

test("an unknown operation is answered with Unimplemented, then the connection ends", async () => {
  const c = await RawConnection.withSession(server.clientPort);
  const request = c.encode("ping", {}, 5);
  request.writeInt32BE(4_711, 8);
  c.socket.write(request);
  expect((await c.reply()).header).toMatchObject({ xid: 5, err: ErrorCode.Unimplemented });
  await c.closed;
  await logger.line("unknown operation 4711");
  await bystanderIsFine();
});

test("a body that cannot be read is answered with MarshallingError, and the connection lives on", async () => {
  const c = await RawConnection.withSession(server.clientPort);
  const request = c.encode("getData", { path: "/", watch: false }, 5);
  request.writeInt32BE(-7, 12);
  c.socket.write(request);
  expect((await c.reply()).header).toMatchObject({ xid: 5, err: ErrorCode.MarshallingError });
  expect((await c.call("exists", { path: "/", watch: false })).header.err).toBe(0);
  await logger.line("a request whose body cannot be read");
});

describe("who never reads", () => {
  const limits = {
    softUnsentBytes: 256 << 10,
    maxResponseBytes: 1 << 20,
    hardUnsentBytes: 2 << 20,
    stuckOutputMs: 500,
  };
  beforeEach(async () => {
    await server.close();
    bystander.destroy();
    await start(limits);
    const data = Buffer.alloc(200 << 10);
    await bystander.call("create", { path: "/big", data, acl: openAcl, flags: 0 });
  });

  test("stops being answered, then read, then is cut off, in bounded memory", async () => {
    const c = await RawConnection.withSession(server.clientPort, 60_000);
    c.socket.pause();
    const request = c.encode("getData", { path: "/big", watch: false });
    // 20,000 requests would be answered with 4 GB.
    const before = process.memoryUsage().rss;
    c.socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => request)));
    await logger.line("it does not read");
    expect(process.memoryUsage().rss - before).toBeLessThan(300 << 20);
    c.destroy();
    await bystanderIsFine();
  });

  test("and only has watches: is cut off when too many events wait", async () => {
    await server.close();
    bystander.destroy();
    // Nothing but the bytes that wait can be what ends it.
    await start({ ...limits, stuckOutputMs: 600_000 });
    const c = await RawConnection.withSession(server.clientPort, 60_000);
    await c.call("addWatch", { path: "/", mode: 1 });
    c.socket.pause();
    const name = "n".repeat(8_000);
    let cut = false;
    void logger.line("it does not read").then(() => {
      cut = true;
    });
    for (let i = 0; !cut && i < 4_000; i++) {
      await bystander.call("create", { path: `/${name}`, data: null, acl: openAcl, flags: 0 });
      await bystander.call("delete", { path: `/${name}`, version: -1 });
    }
    expect(cut).toBe(true);
    c.destroy();
    await bystanderIsFine();
  });
});

test("a thousand connections at once are all served", async () => {
  const connections = await Promise.all(
    Array.from({ length: 1_000 }, () => RawConnection.withSession(server.clientPort)),
  );
  expect(new Set(connections.map((c) => c.sessionId)).size).toBe(1_000);
  const replies = await Promise.all(
    connections.map((c) => {
      c.socket.write(c.encode("ping", {}, SpecialXid.ping));
      return c.reply();
    }),
  );
  expect(replies.every((r) => r.header.xid === SpecialXid.ping && r.header.err === 0)).toBe(true);
  for (const c of connections) c.send("closeSession", {});
  await Promise.all(connections.map((c) => c.closed));
  expect(server.sessionCount).toBe(1);
  await bystanderIsFine();
});

test("over the limit of connections the next is refused, and the others go on", async () => {
  await server.close();
  bystander.destroy();
  await start({ maxConnections: 3 });
  const two = await RawConnection.withSession(server.clientPort);
  const three = await RawConnection.withSession(server.clientPort);
  const four = await RawConnection.open(server.clientPort);
  await four.closed;
  await logger.line("limit maxConnections");
  expect((await two.call("exists", { path: "/", watch: false })).header.err).toBe(0);
  three.destroy();
  await bystanderIsFine();
});

describe("four-letter words", () => {
  const ask = (word: string): Promise<string> => fourLetterWord(server.clientPort, word);

  test("ruok, isro and srvr are answered", async () => {
    expect(await ask("ruok")).toBe("imok");
    expect(await ask("isro")).toBe("rw");
    const srvr = await ask("srvr");
    expect(srvr).toMatch(/^Zookeeper version: 3\.9\.\d+/);
    for (const key of [
      "Latency min/avg/max",
      "Received",
      "Sent",
      "Connections",
      "Outstanding",
      "Zxid: 0x1",
      "Mode: standalone",
      "Node count: 5",
    ]) {
      expect(srvr).toContain(key);
    }
  });

  test("others are named as not to be had", async () => {
    expect(await ask("wchc")).toBe("wchc is not executed because it is not in the whitelist.\n");
  });
});

test("credentials of any size end nobody but who sends them", async () => {
  const c = await RawConnection.withSession(server.clientPort);
  const auth = c.encode("auth", { type: 0, scheme: "digest", auth: Buffer.from(`${"u".repeat(900_000)}:pw`) }, -4);
  for (let i = 0; i < 80 && !c.socket.destroyed; i++) c.socket.write(auth);
  c.send("create", { path: "/n", data: null, acl: openAcl, flags: 0 });
  await c.closed;
  await logger.line("its identities have more than");
  await bystanderIsFine();
});
