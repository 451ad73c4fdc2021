/** Many sockets that are written to by two threads: each gets its own bytes, all of them, in order, whatever becomes of the others. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import type { Readable } from "node:stream";
import { type ByteStream, type Listening, nodeDialer, nodeListener, type StreamWrite, writeToMany } from "@corral/io";
import { openAcl, Reader, replyHeaderCodec, SpecialXid, watcherEventCodec } from "@corral/protocol";
import { startServer } from "@corral/server";
import { afterEach, describe, expect, test, vi } from "vitest";
import { NodeChild } from "../support/node-child.ts";
import { RawConnection } from "../support/raw-connection.ts";

const opened: { destroy(): void }[] = [];
let listening: Listening | undefined;

afterEach(async () => {
  for (const one of opened.splice(0)) one.destroy();
  await listening?.close();
  listening = undefined;
});

/** A connection of which one side is written to, and what must arrive at the other. */
class Line {
  readonly stream: ByteStream;
  readonly expected = createHash("sha256");
  readonly #arrived = createHash("sha256");
  expectedBytes = 0;
  arrivedBytes = 0;
  drains = 0;

  constructor(stream: ByteStream, otherSide: ByteStream) {
    this.stream = stream;
    opened.push(stream, otherSide);
    stream.attach({
      onData: () => {},
      onDrain: () => {
        this.drains++;
      },
      onClose: () => {},
    });
    otherSide.attach({
      onData: (chunk) => {
        this.#arrived.update(chunk);
        this.arrivedBytes += chunk.length;
      },
      onDrain: () => {},
      onClose: () => {},
    });
    this.otherSide = otherSide;
  }

  readonly otherSide: ByteStream;

  expect(bytes: Uint8Array): StreamWrite {
    this.expected.update(bytes);
    this.expectedBytes += bytes.length;
    return { stream: this.stream, bytes };
  }

  /** Whether what has arrived is what was to arrive. To be asked once. */
  isWhole(): boolean {
    return this.#arrived.digest("hex") === this.expected.digest("hex");
  }
}

async function makeLines(count: number): Promise<Line[]> {
  const accepted: ByteStream[] = [];
  listening = await nodeListener.listen({ host: "127.0.0.1", port: 0 }, (stream) => accepted.push(stream));
  const lines: Line[] = [];
  for (let number = 0; number < count; number++) {
    const client = await nodeDialer.dial(listening.address, { signal: new AbortController().signal });
    await vi.waitFor(() => expect(accepted).toHaveLength(1), { interval: 1 });
    lines.push(new Line(accepted.shift() as ByteStream, client));
  }
  return lines;
}

/** No two alike, and of every length up to longer than what two threads are given. */
function bytesOf(line: number, round: number, length: number): Buffer {
  return Buffer.alloc(length, `line ${line}, round ${round}; `);
}

describe.skipIf(availableParallelism() < 2)("two threads (need two processors)", () => {
  test("write to each of many streams what is meant for it, some of which do not read, are written to twice, or are gone", async () => {
    const lines = await makeLines(150);
    const deaf = new Set(lines.filter((_, number) => number % 10 === 3));
    const gone = new Set(lines.filter((_, number) => number % 10 === 7));
    for (const line of deaf) line.otherSide.pauseReading(true);
    let onTwoThreads = 0;
    // Until more has gone to those that do not read than the operating system keeps for them.
    const isEnough = () => onTwoThreads >= 20_000 && [...deaf].every(({ stream }) => stream.unsentBytes > 0);
    for (let round = 0; !isEnough(); round++) {
      if (round === 50) for (const { stream } of gone) stream.destroy();
      if (round === 100) for (const { otherSide } of gone) otherSide.destroy();
      const writes = [0, 1].flatMap((time) =>
        lines.map((line, number) =>
          line.expect(bytesOf(number, 2 * round + time, 1 + ((number * 131 + round * 37) % 5_000))),
        ),
      );
      onTwoThreads += writeToMany(writes);
      // Everybody has a turn, those who read and the second thread that only comes now.
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const line of deaf) line.otherSide.pauseReading(false);
    for (const line of lines) {
      if (gone.has(line)) continue;
      await vi.waitFor(() => expect(line.arrivedBytes).toBe(line.expectedBytes), { timeout: 20_000, interval: 5 });
      expect(line.isWhole()).toBe(true);
      await vi.waitFor(() => expect(line.drains).toBeGreaterThan(0));
      expect(line.stream.unsentBytes).toBe(0);
    }
  });

  test("tell all who watch a node that it has changed, each once, and before what they ask next", async () => {
    const server = await startServer();
    try {
      const writer = await RawConnection.withSession(server.clientPort);
      opened.push(writer);
      await writer.call("create", { path: "/n", data: null, acl: openAcl, flags: 0 });
      const watchers: RawConnection[] = [];
      for (let number = 0; number < 250; number++) watchers.push(await RawConnection.withSession(server.clientPort));
      opened.push(...watchers);
      for (let round = 0; round < 20; round++) {
        await Promise.all(watchers.map((watcher) => watcher.call("getData", { path: "/n", watch: true })));
        const data = Buffer.from(`${round}`);
        const set = writer.call("setData", { path: "/n", data, version: -1 });
        for (const watcher of watchers) {
          const reader = new Reader(await watcher.frame());
          expect(replyHeaderCodec.read(reader)).toMatchObject({ xid: SpecialXid.notification, err: 0 });
          expect(watcherEventCodec.read(reader)).toMatchObject({ type: 3, path: "/n" });
        }
        expect((await set).header.err).toBe(0);
        const seen = await Promise.all(
          watchers.map((watcher) => watcher.call("getData", { path: "/n", watch: false })),
        );
        // An event that came twice would stand in the place of this answer.
        for (const { header, body } of seen) {
          expect(header.err).toBe(0);
          expect(new Reader(body).buffer()).toEqual(data);
        }
      }
    } finally {
      await server.close();
    }
  });

  test.skipIf(process.platform !== "linux")("do not keep a program that has closed its server", async () => {
    const program = new NodeChild(new URL("processes/embedded-server.mjs", import.meta.url).pathname, { args: [] });
    const [line] = await once(program.process.stdout as Readable, "data");
    const port = Number(line);
    const connections: RawConnection[] = [];
    for (let number = 0; number < 20; number++) connections.push(await RawConnection.withSession(port));
    opened.push(...connections.map(({ socket }) => socket));
    await connections[0]?.call("create", { path: "/n", data: Buffer.alloc(1_000), acl: openAcl, flags: 0 });
    for (let round = 0; round < 100; round++) {
      await Promise.all(connections.map((connection) => connection.call("getData", { path: "/n", watch: false })));
    }
    program.process.stdin?.write("close\n");
    const [said] = await once(program.process.stdout as Readable, "data");
    expect(String(said)).toBe("two threads\n");
    expect(await program.exited).toEqual({ code: 0, signal: null });
  });
});
