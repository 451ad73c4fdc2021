/**
 * A second thread that hands bytes to the operating system, beside the first: for very many sockets that are all told something at once, of
 * which each `write` takes the system some 10 µs (docs/adr/0019). The first thread cuts the batch into chunks, takes one after the other
 * as the second does, and waits until those that the second took are done. So nothing else happens meanwhile: no socket is closed, and
 * no descriptor becomes another's.
 *
 * What they share:
 * - `open`, 64 bits: above, the number of the batch, so that whoever has slept takes none of a later one for one that he saw; below, how many chunks are left.
 *   Whoever makes it one less has the last of them.
 * - `words`: see `layout`.
 * - `jobs`: four words for each write: descriptor, start and length in `room`, and how many bytes were taken.
 */
import { writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** Bytes for one socket, and what has become of them. */
export interface DirectWrite {
  readonly descriptor: number;
  readonly bytes: Uint8Array;
  /** How many of them the operating system has taken; set by `write`. */
  taken: number;
}

const layout = {
  /** Rung when there is something to do. */
  bell: 0,
  /** Chunks of the batch that the second thread has done. */
  finished: 1,
  /** Jobs of the batch. */
  count: 2,
  /** 1 while the second thread is there. */
  ready: 3,
  /** Another number for each batch: whoever has a chunk of one that is no more leaves it. */
  batch: 4,
  chunkJobs: 32,
  jobWords: 4,
} as const;

const batchJobs = 4_096;
const batchBytes = 1 << 20;

/** Longer ones are no matter of many small writes. */
export const directBytesMax = 4_096;

/** How often the second thread is waited for. Many times, for the whole process may have been stopped meanwhile. */
const patience = 100;

/** How the second thread is. */
export interface SecondWriterOptions {
  /** What it runs; for tests. */
  readonly program?: URL;
  /** After so long without anything to do it ends, and gives back its memory. Default 60 000. */
  readonly idleMs?: number;
  /** A hundredth of how long its part of a batch may take, ms. Default 100. */
  readonly patienceMs?: number;
}

/** The thread, and what is shared with it. */
export class SecondWriter {
  /** Batches in which it had a part. For tests. */
  sharedTotal = 0;
  readonly #words = new Int32Array(new SharedArrayBuffer(20));
  readonly #open = new BigInt64Array(new SharedArrayBuffer(8));
  readonly #jobs = new Int32Array(new SharedArrayBuffer(batchJobs * layout.jobWords * 4));
  readonly #room = new Uint8Array(new SharedArrayBuffer(batchBytes));
  readonly #options: Required<SecondWriterOptions>;
  #batches = 0n;
  #worker: Worker | undefined;
  #hasFailed = false;
  #untoldFailure: Error | undefined;

  constructor(options: SecondWriterOptions = {}) {
    const program = new URL("../../worker/second-writer.js", import.meta.url);
    this.#options = { program, idleMs: 60_000, patienceMs: 100, ...options };
  }

  /** Whether the thread is there. If not, it is started, unless it would be of no use: it is there for a later time. */
  get isReady(): boolean {
    if (Atomics.load(this.#words, layout.ready) === 1) return true;
    if (this.#worker === undefined && !this.#hasFailed && availableParallelism() > 1) this.#start();
    return false;
  }

  /** Whether there is no thread, not even one that begins or ends. For tests. */
  get hasEnded(): boolean {
    return this.#worker === undefined;
  }

  #start(): void {
    const { buffer: room } = this.#room;
    const shared = { words: this.#words, open: this.#open, jobs: this.#jobs, room };
    let worker: Worker;
    try {
      worker = new Worker(this.#options.program, {
        name: "corral-writer",
        workerData: { ...shared, layout, idleMs: this.#options.idleMs },
        // Neither is meant for it: a profiler of the first thread, or its heap.
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
      });
    } catch (error) {
      return this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
    this.#worker = worker;
    worker.unref();
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => {
      Atomics.store(this.#words, layout.ready, 0);
      this.#worker = undefined;
    });
  }

  /** It is not tried again: one thread does it too. */
  #fail(cause: Error): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#untoldFailure = cause;
    Atomics.store(this.#words, layout.ready, 0);
  }

  /** Why it cannot be had, or not any more, if that is so: once. From then on one thread does it all. */
  takeFailure(): Error | undefined {
    const failure = this.#untoldFailure;
    this.#untoldFailure = undefined;
    return failure;
  }

  /** Writes all of them, each once; what the operating system does not take is left. Only while the thread is there. */
  write(writes: readonly DirectWrite[]): void {
    for (let from = 0; from < writes.length; ) {
      const to = this.#fill(writes, from);
      this.#writeBatch(to - from);
      for (let at = from; at < to; at++) writes[at]!.taken = this.#jobs[(at - from) * layout.jobWords + 3]!;
      from = to;
    }
  }

  /** Returns which is the first that has no room in this batch. */
  #fill(writes: readonly DirectWrite[], from: number): number {
    let start = 0;
    let at = from;
    for (; at < writes.length && at - from < batchJobs; at++) {
      const { descriptor, bytes } = writes[at]!;
      if (start + bytes.length > batchBytes) break;
      this.#room.set(bytes, start);
      const job = (at - from) * layout.jobWords;
      this.#jobs[job] = descriptor;
      this.#jobs[job + 1] = start;
      this.#jobs[job + 2] = bytes.length;
      start += bytes.length;
    }
    return at;
  }

  #writeBatch(count: number): void {
    const words = this.#words;
    const chunks = Math.ceil(count / layout.chunkJobs);
    words[layout.count] = count;
    Atomics.store(words, layout.finished, 0);
    Atomics.add(words, layout.batch, 1);
    this.#batches++;
    Atomics.store(this.#open, 0, (this.#batches << 32n) | BigInt(chunks));
    Atomics.add(words, layout.bell, 1);
    Atomics.notify(words, layout.bell);
    let own = 0;
    for (let chunk = this.#takeChunk(); chunk !== undefined; chunk = this.#takeChunk()) {
      this.#writeChunk(chunk, count);
      own++;
    }
    if (own < chunks) this.sharedTotal++;
    this.#waitFor(chunks - own);
  }

  #takeChunk(): number | undefined {
    for (let seen = Atomics.load(this.#open, 0); ; ) {
      const left = Number(BigInt.asUintN(32, seen));
      if (left === 0) return undefined;
      const found = Atomics.compareExchange(this.#open, 0, seen, seen - 1n);
      if (found === seen) return left - 1;
      seen = found;
    }
  }

  #writeChunk(chunk: number, count: number): void {
    const jobs = this.#jobs;
    const end = Math.min(count, (chunk + 1) * layout.chunkJobs);
    for (let job = chunk * layout.chunkJobs; job < end; job++) {
      const at = job * layout.jobWords;
      jobs[at + 3] = writeNow(jobs[at]!, this.#room, jobs[at + 1]!, jobs[at + 2]!);
    }
  }

  /**
   * @throws Error when the second thread does not come to an end: then it is not known what has been written. It writes no more than what it is at,
   * and is ended, for a descriptor may be another's soon.
   */
  #waitFor(chunks: number): void {
    for (let left = patience; left > 0; left--) {
      let finished = Atomics.load(this.#words, layout.finished);
      while (finished < chunks) {
        if (Atomics.wait(this.#words, layout.finished, finished, this.#options.patienceMs) === "timed-out") break;
        finished = Atomics.load(this.#words, layout.finished);
      }
      if (finished >= chunks) return;
    }
    Atomics.add(this.#words, layout.batch, 1);
    void this.#worker?.terminate();
    const seconds = (patience * this.#options.patienceMs) / 1_000;
    const error = new Error(`The second thread that writes to many connections has not done its part in ${seconds} s`);
    this.#fail(error);
    throw error;
  }
}

function writeNow(descriptor: number, bytes: Uint8Array, start: number, length: number): number {
  try {
    return writeSync(descriptor, bytes, start, length);
  } catch {
    // Nothing was taken: why, the socket finds out when it is given the same.
    return 0;
  }
}
