/** Whatever goes through the queue arrives whole, in order and at whom it is for, whoever does not read, goes or ends meanwhile. */
import { createHash, type Hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { availableParallelism } from "node:os";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { acceptedSocketOptions, NodeByteStream } from "./byte-stream.ts";
import { layout, SecondThread, type SecondThreadOptions } from "./second-thread.ts";
import { WriteQueue } from "./write-queue.ts";
import { StreamWriter } from "./write-to-many.ts";

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
  drains = 0;
  takenBack = 0;

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
      onDrain: () => {
        this.drains++;
      },
      onTakenBack: () => {
        this.takenBack++;
      },
      onClose: (error) => {
        this.closedBy = error;
        this.isClosed = true;
      },
    });
  }

  write(queue: WriteQueue, bytes: Uint8Array): void {
    this.stream.writeSoon(queue, this.expect(bytes));
  }

  expect(bytes: Uint8Array): Uint8Array {
    this.#written.update(bytes);
    this.writtenBytes += bytes.length;
    return bytes;
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

async function open({ isEncrypted = false } = {}): Promise<Line> {
  const { port } = server.address() as { port: number };
  const otherEnd = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await vi.waitFor(() => expect(accepted).toHaveLength(1), { interval: 1 });
  const socket = accepted.shift() as Socket;
  if (isEncrypted) Reflect.set(socket, "encrypted", true);
  const line = new Line(new NodeByteStream(socket, { host: "127.0.0.1", port: 1 }), otherEnd);
  lines.push(line);
  return line;
}

async function openMany(count: number): Promise<Line[]> {
  const opened: Line[] = [];
  while (opened.length < count) opened.push(await open());
  return opened;
}

async function ready(
  options: SecondThreadOptions = {},
  thread = new SecondThread(options),
): Promise<{ thread: SecondThread; queue: WriteQueue }> {
  const queue = new WriteQueue(thread);
  await vi.waitFor(() => expect(thread.isReady).toBe(true), { timeout: 10_000 });
  return { thread, queue };
}

/** The second thread's program, or another one made of it, changed. */
function programWith(
  from: string,
  to: string,
  program = new URL("../../worker/second-writer.js", import.meta.url),
): URL {
  const source =
    program.protocol === "data:"
      ? decodeURIComponent(program.pathname.split(",")[1] as string)
      : readFileSync(program, "utf8");
  const changed = source.replace(from, to);
  expect(changed).not.toBe(source);
  return new URL(`data:text/javascript,${encodeURIComponent(changed)}`);
}

/** A thread that is late now and then. */
const late = programWith(
  "const slot = done",
  "if (done % 16 === 0) Atomics.wait(words, ending, 0, 10);\n    const slot = done",
);
/** One of which the operating system takes only half now and then. */
const allTaken = "write(descriptor, slotRoomBytes, slot * slotBytes, length)";
const halfTaken = programWith(
  allTaken,
  allTaken.replace("length", "done % 5 === 0 && length > 1 ? length >> 1 : length"),
);

/** No two alike, and of every length, now and then some that need several slots. */
function bytesOf(line: number, round: number): Buffer {
  const length = 1 + ((line * 131 + round * 977) % (round % 10 === 9 ? 50_000 : 3_000));
  return Buffer.alloc(length, `line ${line}, round ${round}; `);
}

/** Resolves when everything has arrived at all of them, as it was written. */
function arrival(lines: readonly Line[]): Promise<void> {
  return vi.waitFor(() => expect(lines.every(({ isWhole }) => isWhole)).toBe(true), { timeout: 30_000 });
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
    await turn();
    expect(deaf.some(({ takenBack }) => takenBack > 0)).toBe(true);
    // Some are read again while what waits for them in Node is still being sent.
    for (const { otherEnd } of deaf) otherEnd.resume();
    await write(queue, all, 40);
    await arrival(all);
    expect(all.every(({ drains }) => drains > 0)).toBe(true);
    // Longer than what the queue takes at once, and than it has room for.
    const long = Buffer.alloc(2_000_000, "long");
    for (const line of all) for (const bytes of [long, bytesOf(1, 1), long]) line.write(queue, bytes);
    await write(queue, all, 50);
    await arrival(all);
    expect(queue.total).toBeGreaterThan(1_000);
    expect(queue.shortTotal).toBeGreaterThan(0);
  });

  test("keeps the order where every few writes only half of the bytes are taken", async () => {
    const { queue } = await ready({ program: halfTaken });
    const all = await openMany(12);
    for (let round = 0; round < 200; round++) {
      for (let time = 0; time < 3; time++) {
        for (const [number, line] of all.entries()) line.write(queue, bytesOf(number, 3 * round + time));
      }
      await turn();
    }
    await arrival(all);
    expect(queue.shortTotal).toBeGreaterThan(100);
  });

  test("gives nobody what was for another whose connection was closed, by either side, while it was in there", async () => {
    const { queue } = await ready({ program: late });
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
    await arrival(old);
    expect(queue.total).toBeGreaterThan(1_000);
  });

  test("is waited for by whoever writes past it, though the thread has done its part and not all was taken", async () => {
    const { queue, thread } = await ready({ program: halfTaken });
    const all = await openMany(10);
    await write(queue, all, 1);
    for (let round = 1; round < 50; round++) {
      for (const [number, line] of all.entries()) line.write(queue, bytesOf(number, round));
      const { words } = thread;
      while (Atomics.load(words, layout.written) !== Atomics.load(words, layout.published));
      for (const line of all) line.write(queue, Buffer.from("short"));
      await turn();
    }
    await arrival(all);
    expect(queue.shortTotal).toBeGreaterThan(20);
  });

  test("is waited for before our half of a connection ends because the other side has ended its half", async () => {
    const { queue } = await ready({ program: late });
    const all = await openMany(20);
    await write(queue, all, 2);
    for (const { otherEnd } of all) otherEnd.end();
    await write(queue, all, 1);
    await vi.waitFor(() => expect(all.every(({ hasEnded }) => hasEnded)).toBe(true));
    expect(all.filter(({ isWhole }) => !isWhole)).toEqual([]);
    expect(queue.total).toBeGreaterThan(20);
  });

  test("is waited for before two threads write together", async () => {
    const thread = new SecondThread({ program: late });
    const writer = new StreamWriter(thread);
    await vi.waitFor(() => expect(thread.isReady).toBe(true), { timeout: 10_000 });
    const all = await openMany(210);
    let together = 0;
    for (let round = 0; round < 20; round++) {
      const few = all.slice(0, 30);
      for (const [number, line] of few.entries()) writer.writeSoon(line.stream, line.expect(bytesOf(number, round)));
      const bytes = Buffer.alloc(50, `round ${round}; `);
      together += writer.writeToMany(all.map((line) => ({ stream: line.stream, bytes: line.expect(bytes) })));
      await turn();
    }
    await arrival(all);
    expect(together).toBeGreaterThan(1_000);
  });

  test("has nothing of a connection with TLS", async () => {
    const { queue } = await ready();
    const all: Line[] = [];
    while (all.length < 20) all.push(await open({ isEncrypted: true }));
    await write(queue, all, 20);
    await arrival(all);
    expect(queue.total).toBe(0);
  });

  test("goes on where its numbers go round", async () => {
    const thread = new SecondThread({ program: halfTaken });
    for (const word of [layout.published, layout.written, layout.shorts, layout.settled])
      thread.words[word] = 0x7fff_ffff - 70;
    const { queue } = await ready({}, thread);
    const all = await openMany(20);
    await write(queue, all, 100);
    await arrival(all);
    expect([thread.words[layout.written], thread.words[layout.shorts]]).toEqual([
      expect.any(Number),
      expect.any(Number),
    ]);
    expect(thread.words[layout.written]).toBeLessThan(0);
    expect(thread.words[layout.shorts]).toBeLessThan(0);
  });

  test("cuts nobody off when the thread ends because it has nothing to do", async () => {
    const { queue, thread } = await ready({ idleMs: 100 });
    const all = await openMany(20);
    await write(queue, all, 20);
    expect(queue.total).toBeGreaterThan(100);
    await vi.waitFor(() => expect(thread.hasEnded).toBe(true), { timeout: 10_000 });
    await turn();
    await write(queue, all, 1);
    await arrival(all);
    expect(all.filter(({ isClosed }) => isClosed)).toEqual([]);
    expect(thread.takeFailure()).toBeUndefined();
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
    await arrival(others);
    expect(queue.total).toBeLessThan(200);
  });

  test("of a thread that stands still: who had something in there is closed when it has ended, and everything goes on without", async () => {
    // The first write is taken by half, and the sixth never done.
    const short = programWith(allTaken, allTaken.replace("length", "done === 0 ? length >> 1 : length"));
    const program = programWith(
      "const slot = done",
      "if (done === 5) Atomics.wait(words, finished, 0);\n    const slot = done",
      short,
    );
    const { queue, thread } = await ready({ program, patienceMs: 1 });
    const all = await openMany(12);
    for (let round = 0; round < 2; round++) {
      for (const line of all.slice(0, 8)) line.write(queue, Buffer.alloc(1_000, "all"));
      if (round === 0) await turn();
    }
    expect(queue.total).toBe(8);
    // Whatever is done to them has to wait for it, in vain: three were at it or behind, two of those are ended by us and by the other side.
    all[7]?.stream.end();
    all[6]?.otherEnd.end();
    all[0]?.stream.destroy();
    for (const number of [1, 5, 7]) all[number]?.stream.destroy();
    await vi.waitFor(() => expect(thread.hasEnded).toBe(true), { timeout: 10_000 });
    const mustBeClosed = [0, 1, 5, 6, 7];
    await vi.waitFor(() => expect(all.flatMap((line, n) => (line.isClosed ? [n] : []))).toEqual(mustBeClosed));
    expect(thread.takeFailure()?.message).toContain("has not done its part in 0.1 s");
    const others = all.filter(({ isClosed }) => !isClosed);
    await write(queue, others, 20);
    await arrival(others);
    expect(queue.total).toBe(8);
  });

  test("of a thread that tells of a short write and stands still: nobody is thrown at", async () => {
    const told = "parentPort.postMessage(undefined);";
    const program = programWith(told, `${told} Atomics.wait(words, finished, 0);`);
    const { queue, thread } = await ready({ program: programWith(allTaken, "length >> 1", program), patienceMs: 1 });
    // Exactly as many as wake the thread, so that nobody else looks after it.
    const all = await openMany(8);
    for (let round = 0; round < 2; round++) {
      for (const line of all) line.write(queue, Buffer.alloc(1_000, "all"));
      await turn();
    }
    await vi.waitFor(() => expect(thread.hasEnded).toBe(true), { timeout: 10_000 });
    expect(thread.takeFailure()?.message).toContain("has not done its part");
    await vi.waitFor(() => expect(all.some(({ isClosed }) => isClosed)).toBe(true));
  });
});
