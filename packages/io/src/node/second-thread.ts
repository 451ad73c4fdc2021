/**
 * A second thread that hands bytes to the operating system, beside the first (docs/adr/0019, docs/adr/0020): its life, and the memory that both
 * have. It works on two things: batches, of which each thread has a part (second-writer.ts), and a queue, which it writes while the first goes on (write-queue.ts).
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** Where things are in the shared memory, and how much there is of each. */
export const layout = {
  /** Rung when there is something to do. */
  bell: 0,
  /** 1 while the second thread is there. */
  ready: 1,
  /** 1 when it is to end as soon as it has nothing to do, 2 when it is to begin nothing any more. */
  ending: 2,
  /** 1 when it has ended by an error. */
  failed: 3,

  /** Chunks of the batch that the second thread has done. */
  finished: 4,
  /** Jobs of the batch. */
  count: 5,
  /** Another number for each batch: whoever has a chunk of one that is no more leaves it. */
  batch: 6,
  batchJobs: 4_096,
  chunkJobs: 32,
  /** Descriptor, start and length in `room`, and how many bytes were taken. */
  jobWords: 4,

  /** How many writes were put into the queue since the start; as the two below, it goes round at 32 bits. */
  published: 7,
  /** How many of them were done. */
  written: 8,
  /** How many of them were not taken whole. */
  shorts: 9,
  /** Of how many of those the first thread has written the rest. Until it is all of them, their sockets are left alone. */
  settled: 10,
  /** A power of two. */
  slots: 64,
  slotBytes: 16_384,
  /** Descriptor, length, and how many bytes were taken. */
  slotWords: 3,
} as const;

const wordCount = 11;
const batchBytes = 1 << 20;

/** How often the second thread is waited for. Many times, for the whole process may have been stopped meanwhile. */
const patience = 100;

/** How the second thread is. */
export interface SecondThreadOptions {
  /** What it runs; for tests. */
  readonly program?: URL;
  /** After so long without anything to do it ends, and gives back its memory. Default 60 000. */
  readonly idleMs?: number;
  /** A hundredth of how long its part may take, ms. Default 100. */
  readonly patienceMs?: number;
}

/** How waiting for the thread ended. */
export type Waited = "done" | "failed" | "stuck";

/** The thread, and what is shared with it. */
export class SecondThread {
  readonly words = new Int32Array(new SharedArrayBuffer(wordCount * 4));
  /** Of the batch: above, its number, so that whoever has slept takes no chunk of a later one for one that he saw; below, how many chunks are left. */
  readonly open = new BigInt64Array(new SharedArrayBuffer(8));
  readonly jobs = new Int32Array(new SharedArrayBuffer(layout.batchJobs * layout.jobWords * 4));
  readonly room = new Uint8Array(new SharedArrayBuffer(batchBytes));
  readonly slots = new Int32Array(new SharedArrayBuffer(layout.slots * layout.slotWords * 4));
  readonly slotRoom = new Uint8Array(new SharedArrayBuffer(layout.slots * layout.slotBytes));
  /** Called when a write of the queue was not taken whole. */
  onShort: (() => void) | undefined;
  /** Called when the thread is no more, by whatever cause. */
  onEnd: (() => void) | undefined;
  readonly #options: Required<SecondThreadOptions>;
  #worker: Worker | undefined;
  #isUsed = false;
  #hasFailed = false;
  #untoldFailure: Error | undefined;
  /** While it is ended because it does not come to an end by itself. */
  #isStuck = false;

  constructor(options: SecondThreadOptions = {}) {
    const program = new URL("../../worker/second-writer.js", import.meta.url);
    this.#options = { program, idleMs: 60_000, patienceMs: 100, ...options };
  }

  /** Whether the thread is there. If not, it is started, unless it would be of no use: it is there for a later time. */
  get isReady(): boolean {
    if (Atomics.load(this.words, layout.ready) === 1) {
      this.#isUsed = true;
      return true;
    }
    if (this.#worker === undefined && !this.#hasFailed && availableParallelism() > 1) this.#start();
    return false;
  }

  /** Whether there is no thread, not even one that begins or ends. For tests. */
  get hasEnded(): boolean {
    return this.#worker === undefined;
  }

  #start(): void {
    const { words, open, jobs, room, slots, slotRoom } = this;
    Atomics.store(words, layout.ending, 0);
    let worker: Worker;
    try {
      worker = new Worker(this.#options.program, {
        name: "corral-writer",
        workerData: { words, open, jobs, room: room.buffer, slots, slotRoom: slotRoom.buffer, layout },
        // Neither is meant for it: a profiler of the first thread, or its heap.
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
      });
    } catch (error) {
      return this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
    this.#worker = worker;
    this.#isUsed = true;
    const idle = setInterval(() => this.#endIfIdle(), this.#options.idleMs);
    idle.unref();
    worker.on("message", () => this.onShort?.());
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => {
      clearInterval(idle);
      Atomics.store(words, layout.ready, 0);
      this.#worker = undefined;
      this.#isStuck = false;
      this.onEnd?.();
    });
    // Last, for whoever listens to messages holds the process.
    worker.unref();
  }

  #endIfIdle(): void {
    if (Atomics.load(this.words, layout.ready) === 1 && !this.#isUsed) {
      // In this order: nothing is given to a thread that is to end.
      Atomics.store(this.words, layout.ready, 0);
      Atomics.store(this.words, layout.ending, 1);
      this.ring();
    }
    this.#isUsed = false;
  }

  /** It is not tried again: one thread does it too. */
  #fail(cause: Error): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#untoldFailure = cause;
    Atomics.store(this.words, layout.ready, 0);
  }

  /** Why it cannot be had, or not any more, if that is so: once. From then on one thread does it all. */
  takeFailure(): Error | undefined {
    const failure = this.#untoldFailure;
    this.#untoldFailure = undefined;
    return failure;
  }

  /** Tells the thread that there is something to do. */
  ring(): void {
    this.#isUsed = true;
    Atomics.add(this.words, layout.bell, 1);
    Atomics.notify(this.words, layout.bell);
  }

  /**
   * Waits until the word, one of those that go round at 32 bits, is as high as that. Where the thread has ended by an error, it does nothing any more. Where it
   * does not come to an end, it is not known what it has written; it begins no further write, and is ended, for a descriptor may be another's soon.
   */
  waitFor(word: number, goal: number): Waited {
    if (this.#isStuck) return "stuck";
    for (let left = patience; left > 0; ) {
      const now = Atomics.load(this.words, word);
      if (((goal - now) | 0) <= 0) return "done";
      if (Atomics.load(this.words, layout.failed) === 1) return "failed";
      if (Atomics.wait(this.words, word, now, this.#options.patienceMs) === "timed-out") left--;
    }
    this.#isStuck = true;
    Atomics.add(this.words, layout.batch, 1);
    Atomics.store(this.words, layout.ending, 2);
    void this.#worker?.terminate();
    this.#fail(this.stuckError());
    return "stuck";
  }

  /** What "stuck" means. */
  stuckError(): Error {
    const seconds = (patience * this.#options.patienceMs) / 1_000;
    return new Error(`The second thread that writes to connections has not done its part in ${seconds} s`);
  }
}
