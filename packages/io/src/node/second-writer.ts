/**
 * For very many sockets that are all told something at once, of which each `write` takes the system some 10 µs: two threads do it (docs/adr/0019). The first thread cuts the batch into chunks, takes one after the other
 * as the second does, and waits until those that the second took are done. So nothing else happens meanwhile: no socket is closed, and
 * no descriptor becomes another's.
 * Whoever makes the number of chunks that are left one less has the last of them.
 */
import { writeSync } from "node:fs";
import { layout, type SecondThread } from "./second-thread.ts";

/** Bytes for one socket, and what has become of them. */
export interface DirectWrite {
  readonly descriptor: number;
  readonly bytes: Uint8Array;
  /** How many of them the operating system has taken, set by `write`. Below zero: that is not known, for the second thread has failed. */
  taken: number;
}

/** Longer ones are no matter of many small writes. */
export const directBytesMax = 4_096;

/** Writes batches on both threads. */
export class SecondWriter {
  /** Batches in which the second thread had a part. For tests. */
  sharedTotal = 0;
  readonly #thread: SecondThread;
  #batches = 0n;

  constructor(thread: SecondThread) {
    this.#thread = thread;
  }

  /**
   * Writes all of them, each once; what the operating system does not take is left. Only while the thread is there.
   * @throws Error when the thread does not come to an end: then it is not known what has been written.
   */
  write(writes: readonly DirectWrite[]): void {
    for (let from = 0; from < writes.length; ) {
      const to = this.#fill(writes, from);
      this.#writeBatch(to - from);
      for (let at = from; at < to; at++) writes[at]!.taken = this.#thread.jobs[(at - from) * layout.jobWords + 3]!;
      from = to;
    }
  }

  /** Returns which is the first that has no room in this batch. */
  #fill(writes: readonly DirectWrite[], from: number): number {
    const { jobs, room } = this.#thread;
    let start = 0;
    let at = from;
    for (; at < writes.length && at - from < layout.batchJobs; at++) {
      const { descriptor, bytes } = writes[at]!;
      if (start + bytes.length > room.length) break;
      room.set(bytes, start);
      const job = (at - from) * layout.jobWords;
      jobs[job] = descriptor;
      jobs[job + 1] = start;
      jobs[job + 2] = bytes.length;
      jobs[job + 3] = -1;
      start += bytes.length;
    }
    return at;
  }

  #writeBatch(count: number): void {
    const { words } = this.#thread;
    const chunks = Math.ceil(count / layout.chunkJobs);
    words[layout.count] = count;
    Atomics.store(words, layout.finished, 0);
    Atomics.add(words, layout.batch, 1);
    this.#batches++;
    Atomics.store(this.#thread.open, 0, (this.#batches << 32n) | BigInt(chunks));
    this.#thread.ring();
    let own = 0;
    for (let chunk = this.#takeChunk(); chunk !== undefined; chunk = this.#takeChunk()) {
      this.#writeChunk(chunk, count);
      own++;
    }
    if (own < chunks) this.sharedTotal++;
    if (this.#thread.waitFor(layout.finished, chunks - own) === "stuck") throw this.#thread.stuckError();
  }

  #takeChunk(): number | undefined {
    for (let seen = Atomics.load(this.#thread.open, 0); ; ) {
      const left = Number(BigInt.asUintN(32, seen));
      if (left === 0) return undefined;
      const found = Atomics.compareExchange(this.#thread.open, 0, seen, seen - 1n);
      if (found === seen) return left - 1;
      seen = found;
    }
  }

  #writeChunk(chunk: number, count: number): void {
    const { jobs, room } = this.#thread;
    const end = Math.min(count, (chunk + 1) * layout.chunkJobs);
    for (let job = chunk * layout.chunkJobs; job < end; job++) {
      const at = job * layout.jobWords;
      jobs[at + 3] = writeNow(jobs[at]!, room, jobs[at + 1]!, jobs[at + 2]!);
    }
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
