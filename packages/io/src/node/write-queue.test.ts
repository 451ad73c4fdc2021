/** Whatever goes through the queue arrives whole, in order and at whom it is for, whoever does not read, goes or ends meanwhile. */
import { createHash, type Hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { availableParallelism } from "node:os";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { acceptedSocketOptions, NodeByteStream } from "./byte-stream.ts";
import { SecondThread, type SecondThreadOptions } from "./second-thread.ts";
import { WriteQueue } from "./write-queue.ts";

/** A connection: what is written at one end, and what arrives at the other. */
class Line {
  readonly stream: NodeByteStream;
  readonly otherEnd: Socket;
  readonly #arrived = createHash("sha256");
  readonly #written = createHash("sha256");
  writtenBytes = 0;
  arrivedBytes = 0;
  hasEnded = false;
  closedBy: Error | undefined;
  isClosed = false;

  constructor(stream: NodeByteStream, otherEnd: Socket) {
    this.stream = stream;
    this.otherEnd = otherEnd;
    otherEnd.on("data", (chunk: Buffer) => {
      this.#arrived.update(chunk);
      this.arrivedBytes += chunk.length;
    });
    otherEnd.on("end", () => {
      this.hasEnded = true;
    });
    otherEnd.on("error", () => {});
    stream.attach({
      onData: () => {},
      onDrain: () => {},
      onClose: (error) => {
        this.closedBy = error;
        this.isClosed = true;
      },
    });
  }

  write(queue: WriteQueue, bytes: Uint8Array): void {
    this.#written.update(bytes);
    this.writtenBytes += bytes.length;
    this.stream.writeThrough(queue, bytes);
  }

  get isWhole(): boolean {
    return this.arrivedBytes === this.writtenBytes && digest(this.#arrived) === digest(this.#written);
  }
}

function digest(hash: Hash): string {
  return hash.copy().digest("hex");
}

let server: Server;
let accepted: Socket[] = [];
const lines: Line[] = [];

beforeEach(async () => {
  accepted = [];
  server = createServer(acceptedSocketOptions, (socket) => accepted.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  for (const { stream, otherEnd } of lines.splice(0)) {
    stream.destroy();
    otherEnd.destroy();
  }
  await new Promise((resolve) => server.close(resolve));
});

async function open(): Promise<Line> {
  const otherEnd = connect((server.address() as { port: number }).port, "127.0.0.1");
  await vi.waitFor(() => expect(accepted).toHaveLength(1), { interval: 1 });
  const line = new Line(new NodeByteStream(accepted.shift() as Socket, { host: "127.0.0.1", port: 1 }), otherEnd);
  lines.push(line);
  return line;
}

async function openMany(count: number): Promise<Line[]> {
  const opened: Line[] = [];
  while (opened.length < count) opened.push(await open());
  return opened;
}

async function ready(options: SecondThreadOptions = {}): Promise<{ thread: SecondThread; queue: WriteQueue }> {
  const thread = new SecondThread(options);
  const queue = new WriteQueue(thread);
  await vi.waitFor(() => expect(thread.isReady).toBe(true), { timeout: 10_000 });
  return { thread, queue };
}

/** The second thread's program, changed. */
function programWith(from: string, to: string): URL {
  const source = readFileSync(new URL("../../worker/second-writer.js", import.meta.url), "utf8");
  const changed = source.replace(from, to);
  expect(changed).not.toBe(source);
  return new URL(`data:text/javascript,${encodeURIComponent(changed)}`);
}

/** No two alike, and of every length, now and then some that need several slots. */
function bytesOf(line: number, round: number): Buffer {
  const length = 1 + ((line * 131 + round * 977) % (round % 10 === 9 ? 50_000 : 3_000));
  return Buffer.alloc(length, `line ${line}, round ${round}; `);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function write(queue: WriteQueue, writers: readonly Line[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const [number, line] of writers.entries()) line.write(queue, bytesOf(number, round));
    await turn();
  }
}

describe.skipIf(availableParallelism() < 2)("a queue of writes (needs two processors)", () => {
  test("brings everybody everything in order, also who does not read for a while", async () => {
    const { queue } = await ready();
    const all = await openMany(30);
    const deaf = all.filter((_, number) => number % 5 === 2);
    for (const { otherEnd } of deaf) otherEnd.pause();
    // Until more has gone to those that do not read than the operating system keeps for them.
    while (!deaf.every(({ stream }) => stream.unsentBytes > 0)) await write(queue, all, 20);
    for (const { otherEnd } of deaf) otherEnd.resume();
    await vi.waitFor(() => expect(all.every(({ isWhole }) => isWhole)).toBe(true), { timeout: 30_000 });
    // Longer than what the queue takes at once.
    const long = Buffer.alloc(600_000, "long");
    for (const line of all) for (const bytes of [long, bytesOf(1, 1), long]) line.write(queue, bytes);
    await write(queue, all, 50);
    await vi.waitFor(() => expect(all.every(({ isWhole }) => isWhole)).toBe(true), { timeout: 30_000 });
    expect(queue.total).toBeGreaterThan(1_000);
    expect(queue.shortTotal).toBeGreaterThanOrEqual(deaf.length);
  });

  test("keeps the order where every few writes only half of the bytes are taken", async () => {
    const whole = "write(descriptor, slotRoomBytes, slot * slotBytes, length)";
    const half = whole.replace("length", "done % 5 === 0 && length > 1 ? length >> 1 : length");
    const { queue } = await ready({ program: programWith(whole, half) });
    const all = await openMany(12);
    for (let round = 0; round < 200; round++) {
      for (let time = 0; time < 3; time++) {
        for (const [number, line] of all.entries()) line.write(queue, bytesOf(number, 3 * round + time));
      }
      await turn();
    }
    await vi.waitFor(() => expect(all.every(({ isWhole }) => isWhole)).toBe(true), { timeout: 10_000 });
    expect(queue.shortTotal).toBeGreaterThan(100);
  });

  test("gives nobody what was for another whose connection was closed, by either side, while it was in there", async () => {
    // A thread that is late now and then.
    const late = "if (done % 16 === 0) Atomics.wait(words, ending, 0, 10);\n    const slot = done";
    const { queue } = await ready({ program: programWith("const slot = done", late) });
    const old = await openMany(20);
    for (let round = 0; round < 90; round++) {
      const going = (round * 7) % old.length;
      const line = old[going]!;
      if (round % 3 === 0) line.otherEnd.resetAndDestroy();
      for (let time = 0; time < 3; time++) {
        for (const [number, each] of old.entries()) each.write(queue, bytesOf(number, 40 * round + time));
      }
      if (round % 3 === 1) line.stream.destroy();
      if (round % 3 === 2) line.stream.end();
      // Its descriptor is the next one's now.
      old[going] = await open();
      if (round % 3 === 2)
        await vi.waitFor(() => expect([line.isWhole, line.hasEnded]).toEqual([true, true]), { interval: 5 });
    }
    await vi.waitFor(() => expect(old.every(({ isWhole }) => isWhole)).toBe(true), { timeout: 10_000 });
    expect(queue.total).toBeGreaterThan(1_000);
  });

  test("is not used where there is little to write", async () => {
    const { queue } = await ready();
    const few = await openMany(7);
    for (let round = 0; round < 20; round++) {
      for (const line of few) line.write(queue, Buffer.alloc(1_000, "few"));
      await turn();
    }
    const many = await openMany(20);
    for (let round = 0; round < 20; round++) {
      for (const line of many) line.write(queue, Buffer.alloc(100, "short"));
      await turn();
    }
    await vi.waitFor(() => expect([...few, ...many].every(({ isWhole }) => isWhole)).toBe(true));
    expect(queue.total).toBe(0);
  });

  test("of a thread that fails: who had something in there is cut off, and everything goes on without", async () => {
    const program = programWith(
      "const slot = done",
      'if (done === 100) throw new Error("broken");\n    const slot = done',
    );
    const { queue, thread } = await ready({ program });
    const all = await openMany(20);
    await vi.waitFor(
      async () => {
        await write(queue, all, 1);
        expect(thread.hasEnded).toBe(true);
      },
      { timeout: 10_000, interval: 1 },
    );
    expect(thread.takeFailure()?.message).toBe("broken");
    await vi.waitFor(() => expect(all.some(({ isClosed }) => isClosed)).toBe(true));
    const cutOff = all.filter(({ isClosed }) => isClosed);
    for (const { closedBy } of cutOff)
      expect(closedBy?.message).toContain("thread that wrote to the connection has ended");
    const others = all.filter(({ isClosed }) => !isClosed);
    await write(queue, others, 50);
    await vi.waitFor(() => expect(others.every(({ isWhole }) => isWhole)).toBe(true), { timeout: 10_000 });
    expect(queue.total).toBeLessThan(200);
  });

  test("of a thread that stands still: that is told to whoever has to wait for it, and its descriptors stay open", async () => {
    const program = programWith(
      "const slot = done",
      "if (done === 100) Atomics.wait(words, finished, 0);\n    const slot = done",
    );
    const { queue, thread } = await ready({ program, patienceMs: 1 });
    const all = await openMany(20);
    await expect(
      (async () => {
        for (;;) await write(queue, all, 1);
      })(),
    ).rejects.toThrow("has not done its part in 0.1 s");
    await vi.waitFor(() => expect(thread.hasEnded).toBe(true));
    // Nothing waits for it any more.
    for (const { stream } of all) stream.destroy();
    await vi.waitFor(() => expect(all.every(({ isClosed }) => isClosed)).toBe(true));
  });
});
