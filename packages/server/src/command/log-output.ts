/**
 * Standard error, for the log: what is said leaves at once, and a reader that stands still holds up nobody. What cannot leave
 * waits in memory up to a bound. Then a reader that is only slow is waited for; of one that takes nothing further lines are lost
 * and counted, and the count stands before the next line that is kept.
 */
import { writeSync } from "node:fs";
import { Fifo } from "@corral/io";

/** After how long the next attempt is made where something could be written, ms; elsewhere each waits twice as long as the last. */
const firstRetryMs = 1;
const lastRetryMs = 100;
/** How long a reader that is only slow may take nothing, ms. */
const patienceMs = 50;
/** The same at the end of the process, ms. */
const patienceAtExitMs = 500;

/** Where the lines go, and how many may wait. */
export interface LogOutputOptions {
  /** Lines that wait, bytes. */
  readonly maxWaitingBytes: number;
  /** Writes bytes and returns how many were taken, or throws. Default: to standard error. */
  readonly put?: (bytes: Uint8Array) => number;
}

/** A destination for pino. See the head of this file. */
export class LogOutput {
  readonly #maxWaitingBytes: number;
  readonly #put: (bytes: Uint8Array) => number;
  readonly #waiting = new Fifo<Buffer>();
  /** Of the first one that waits: what has left already. */
  #offset = 0;
  #waitingBytes = 0;
  #lost = 0;
  /** Whether it was waited for in vain. */
  #standsStill = false;
  #tellsLoss = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;

  /** Called before the first line that is kept after others were lost; writes a line that says so. */
  onLoss: (count: number) => void = () => {};

  constructor(options: LogOutputOptions) {
    this.#maxWaitingBytes = options.maxWaitingBytes;
    this.#put = options.put ?? putOnStandardError();
  }

  /** Takes a line with its end. Returns at once, and never throws. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (!this.#tellsLoss) {
      const mostBytes = this.#maxWaitingBytes - bytes.length;
      if (this.#waitingBytes > mostBytes && !this.#standsStill) this.#await(mostBytes, patienceMs);
      this.#standsStill = this.#waitingBytes > mostBytes;
      if (this.#standsStill) {
        this.#lost++;
        return;
      }
      this.#tellLoss();
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#retry === undefined) this.#flush();
  }

  /** The process ends: waits a while for a reader that is slow, but not for one that takes nothing, or a disk that is full. */
  end(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#tellLoss();
    this.#await(0, patienceAtExitMs);
  }

  /** Holds the process up until no more than `mostBytes` wait, or the reader takes nothing for `idleMaxMs`. */
  #await(mostBytes: number, idleMaxMs: number): void {
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    for (let idleMs = 0; idleMs < idleMaxMs; idleMs++) {
      const before = this.#waitingBytes;
      if (this.#drain() !== "EAGAIN" || this.#waitingBytes <= mostBytes) return;
      if (this.#waitingBytes < before) idleMs = 0;
      Atomics.wait(nothing, 0, 0, 1);
    }
  }

  #tellLoss(): void {
    if (this.#lost === 0) return;
    const count = this.#lost;
    this.#lost = 0;
    // Its line is kept whether or not there is room.
    this.#tellsLoss = true;
    this.onLoss(count);
    this.#tellsLoss = false;
  }

  #flush(): void {
    const before = this.#waitingBytes;
    if (this.#drain() === undefined) {
      this.#retryMs = firstRetryMs;
      return;
    }
    this.#retryMs = this.#waitingBytes < before ? firstRetryMs : Math.min(this.#retryMs * 2, lastRetryMs);
    // A process that has nothing else to do ends all the same.
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#flush();
    }, this.#retryMs).unref();
  }

  /** Writes what can be written, and returns the code of the error that stands in the way of the rest. */
  #drain(): string | undefined {
    try {
      for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
        const taken = this.#put(next.subarray(this.#offset));
        this.#offset += taken;
        this.#waitingBytes -= taken;
        if (this.#offset < next.length) continue;
        this.#waiting.shift();
        this.#offset = 0;
      }
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? "unknown";
    }
  }
}

function putOnStandardError(): (bytes: Uint8Array) => number {
  // As a stream of Node's a pipe or a socket does not block who writes to it: what is full says EAGAIN.
  const { fd } = process.stderr;
  return (bytes) => writeSync(fd, bytes);
}
