/** Bounds that only show on sockets: newcomers, and long requests on their way in. */
import { openAcl } from "@corral/protocol";
import { type Server, type ServerOptions, startServer } from "@corral/server";
import { afterEach, describe, expect, test } from "vitest";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";

let server: Server;
let logger: RecordingLogger;
const opened: RawConnection[] = [];

async function start(limits: NonNullable<ServerOptions["limits"]>): Promise<void> {
  logger = new RecordingLogger();
  server = await startServer({ logger, tickMs: 50, maxSessionTimeoutMs: 600_000, limits });
}

async function withSession(): Promise<RawConnection> {
  const connection = await RawConnection.withSession(server.clientPort, 600_000);
  opened.push(connection);
  return connection;
}

afterEach(async () => {
  for (const connection of opened.splice(0)) connection.destroy();
  await server.close();
});

const node = (path: string, size = 0) => ({ path, data: Buffer.alloc(size), acl: openAcl, flags: 0 });
const isAnswered = async (c: RawConnection) => (await c.call("exists", { path: "/", watch: false })).header.err === 0;

test("more newcomers at once than allowed are refused when they say hello; four-letter words are none", async () => {
  await start({ connectionBurst: 3, connectionRefillMs: 600_000 });
  const in_ = [await withSession(), await withSession(), await withSession()];
  const four = await RawConnection.open(server.clientPort);
  await expect(four.handshake()).rejects.toThrow("closed");
  await logger.line("limit connectionBurst");
  expect(await fourLetterWord(server.clientPort, "ruok")).toBe("imok");
  for (const c of in_) expect(await isAnswered(c)).toBe(true);
});

test("room for newcomers comes back as time goes by", async () => {
  await start({ connectionBurst: 1, connectionRefillMs: 100 });
  await withSession();
  for (;;) {
    try {
      await withSession();
      return;
    } catch (error) {
      expect(error).toMatchObject({ message: expect.stringContaining("closed") });
    }
  }
});

describe("large requests on their way in", () => {
  const limits = { largeRequestBytes: 20_000, maxLargeRequestBytes: 200_000 };

  test("who announces what has no room is disconnected; when the others have come there is room again", async () => {
    await start(limits);
    const [slow, next] = [await withSession(), await withSession()];
    const request = slow.encode("create", node("/slow", 150_000));
    // The answer to what stands before it shows that its beginning has arrived as well.
    slow.socket.write(Buffer.concat([slow.encode("exists", { path: "/", watch: false }), request.subarray(0, 9)]));
    await slow.reply();
    next.socket.write(next.encode("create", node("/next", 150_000)).subarray(0, 9));
    await next.closed;
    await logger.line("limit maxLargeRequestBytes");
    slow.socket.write(request.subarray(9));
    expect((await slow.reply()).header.err).toBe(0);
    const again = await withSession();
    expect((await again.call("create", node("/again", 150_000))).header.err).toBe(0);
    expect((await again.call("exists", { path: "/next", watch: false })).header.err).not.toBe(0);
  });

  test("one that never comes holds its room no longer than its connection", async () => {
    await start(limits);
    const slow = await withSession();
    const beginning = slow.encode("create", node("/slow", 150_000)).subarray(0, 9);
    slow.socket.write(Buffer.concat([slow.encode("exists", { path: "/", watch: false }), beginning]));
    await slow.reply();
    slow.destroy();
    // Nobody is told when the server has seen its end.
    for (let err = -1; err !== 0; ) {
      const again = await withSession();
      err = await again.call("create", node("/again", 150_000)).then(
        ({ header }) => header.err,
        () => -1,
      );
    }
  });

  test("one that alone is larger than all may be is refused, what was asked before it is answered", async () => {
    await start(limits);
    const c = await withSession();
    c.socket.write(
      Buffer.concat([c.encode("exists", { path: "/", watch: false }), c.encode("create", node("/a", 250_000))]),
    );
    expect((await c.reply()).header.err).toBe(0);
    await c.closed;
    await logger.line("would exceed what large requests may take together");
  });
});
