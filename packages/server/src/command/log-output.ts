/**
 * Standard error, for the log and for all else that the command says there: a line leaves at once, and a reader that stands still
 * holds up nobody. What cannot leave waits in memory up to a bound; beyond it lines are lost and counted, and their count stands
 * before the next line that is kept. Lines that matter are lost only where the reader takes nothing: who makes many of them asks for
 * room before, and waits as long as the reader takes some. At its end the process waits a while, in all; what is left then is lost.
 */
import { writeSync } from "node:fs";
import { Fifo } from "@corral/io";

/** After how long the next attempt is made, ms; and where nothing can be written. */
const retryMs = 5;
const failingRetryMs = 100;
/** After how many attempts in vain nobody waits for the reader any more: those of a second. */
const vainAttemptsMax = 200;
/** How long the process waits at its end, in all, ms. */
const endMs = 2_000;

/** Where the lines go, and how many may wait. */
export interface LogOutputOptions {
  /** Lines that wait, bytes. */
  readonly maxWaitingBytes: number;
  /** Writes bytes and returns how many were taken, or throws. Default: to standard error. */
  readonly put?: (bytes: Uint8Array) => number;
}

interface Line {
  readonly bytes: Buffer;
  /** How many are lost with it: one that tells of others is all that is known of them. */
  readonly count: number;
}

/** A destination for pino. See the head of this file. */
export class LogOutput {
  /** Lines that wait, bytes. */
  maxWaitingBytes: number;
  readonly #put: (bytes: Uint8Array) => number;
  readonly #waiting = new Fifo<Line>();
  /** Of the first one that waits: what has left already. */
  #offset = 0;
  #waitingBytes = 0;
  /** Those of which no line tells yet. */
  #lost = 0;
  #lostTotal = 0;
  #mayExceed = false;
  #vainAttempts = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Who waits for room. */
  #held: (() => void)[] = [];

  constructor({ maxWaitingBytes, put }: LogOutputOptions) {
    this.maxWaitingBytes = maxWaitingBytes;
    this.#put = put ?? putOnStandardError();
  }

  /** Bytes of the lines that have not left. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether nothing can be written at present, so that to wait for it would be in vain. */
  get isFailing(): boolean {
    return this.#vainAttempts >= vainAttemptsMax;
  }

  /** Takes a line with its end. Returns at once, and never throws. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    const isOver = this.#waitingBytes + bytes.length > this.maxWaitingBytes;
    if (isOver && (this.isFailing || !this.#mayExceed)) {
      this.#lost++;
      this.#lostTotal++;
      return;
    }
    this.#tellLoss();
    this.#push(bytes, 1);
    if (this.#retry === undefined) this.#flush();
  }

  /** Has `write` write lines; returns whether they were kept. `mayExceed`: beyond the bound as well, as long as the reader takes some. */
  keep(mayExceed: boolean, write: () => void): boolean {
    const lostBefore = this.#lostTotal;
    this.#mayExceed = mayExceed;
    try {
      write();
    } finally {
      this.#mayExceed = false;
    }
    return this.#lostTotal === lostBefore;
  }

  /** Calls back, once, when there is room for many lines, or nothing can be written; at once, if so. */
  whenRoom(callback: () => void): void {
    if (this.#isBehind) this.#held.push(callback);
    else callback();
  }

  /** The process ends: waits a while for who reads. Returns how many lines are lost without his having been told. */
  end(): number {
    clearTimeout(this.#retry);
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    const untilMs = performance.now() + endMs;
    for (;;) {
      this.#tellLoss();
      const obstacle = this.#drain();
      if (obstacle === undefined) return 0;
      // There is no room on a full disk, and nobody at the end of a broken pipe, however long one waits.
      if (obstacle !== "EAGAIN" || performance.now() >= untilMs) break;
      Atomics.wait(nothing, 0, 0, 1);
    }
    let lost = 0;
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) lost += line.count;
    return lost;
  }

  get #isBehind(): boolean {
    return this.#waitingBytes > this.maxWaitingBytes / 2 && !this.isFailing;
  }

  #push(bytes: Buffer, count: number): void {
    this.#waiting.push({ bytes, count });
    this.#waitingBytes += bytes.length;
  }

  /** Its line is kept whether or not there is room. */
  #tellLoss(): void {
    if (this.#lost === 0) return;
    const msg = "lines of the log are lost: too many waited for who reads it";
    const line = JSON.stringify({ level: 50, time: Date.now(), lost: this.#lost, msg });
    this.#push(Buffer.from(`${line}\n`), this.#lost);
    this.#lost = 0;
  }

  #flush(): void {
    if (this.#drain() !== undefined) {
      const delayMs = this.isFailing ? failingRetryMs : retryMs;
      // A process that has nothing else to do ends all the same.
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#flush();
      }, delayMs).unref();
    }
    if (this.#isBehind) return;
    const held = this.#held;
    this.#held = [];
    for (const callback of held) callback();
  }

  /** Writes what can be written, and returns the code of the error that stands in the way of the rest. */
  #drain(): string | undefined {
    const before = this.#waitingBytes;
    try {
      for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
        const taken = this.#put(next.bytes.subarray(this.#offset));
        this.#offset += taken;
        this.#waitingBytes -= taken;
        if (this.#offset < next.bytes.length) continue;
        this.#waiting.shift();
        this.#offset = 0;
      }
      this.#vainAttempts = 0;
      return undefined;
    } catch (error) {
      const { code = "unknown" } = error as NodeJS.ErrnoException;
      if (code !== "EAGAIN") this.#vainAttempts = vainAttemptsMax;
      else if (this.#waitingBytes < before) this.#vainAttempts = 0;
      else this.#vainAttempts++;
      return code;
    }
  }
}

function putOnStandardError(): (bytes: Uint8Array) => number {
  // As a stream of Node's a pipe or a socket does not block who writes to it: what is full says EAGAIN.
  const { fd } = process.stderr;
  return (bytes) => writeSync(fd, bytes);
}
