/**
 * Standard error, for the log and for all else that the command says there: a line leaves at once, and the reader of a pipe or a
 * socket who stands still holds up nobody; a terminal that is stopped does. What cannot leave waits in memory up to a bound; beyond
 * it lines are lost and counted, and their count stands before the next line that is kept. Who makes many lines that matter asks for
 * room before, and waits as long as the reader takes some; what tells why the process ends is kept in any case. At its end the
 * process waits a while, in all; what is left then is lost.
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
/** Asks pino to say of which level the line is that comes next, as `lastLevel`; and from which on it is an error. */
const needsMetadata = Symbol.for("pino.metadata");
const errorLevel = 50;

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

/** How it ended; see `LogOutput.end`. */
export interface LogEnd {
  /** Lines that are lost without the reader's having been told. */
  readonly lost: number;
  /** The code of the error that stood in their way. */
  readonly obstacle: string | undefined;
}

/** A destination for pino. See the head of this file. */
export class LogOutput {
  /** Lines that wait, bytes. */
  maxWaitingBytes: number;
  readonly [needsMetadata] = true;
  lastLevel = 0;
  readonly #put: (bytes: Uint8Array) => number;
  readonly #waiting = new Fifo<Line>();
  /** Of the first one that waits: what has left already. */
  #offset = 0;
  #waitingBytes = 0;
  /** Those of which no line tells yet. */
  #lost = 0;
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

  /** Takes a line of pino's, with its end. Never throws. Errors have as much room again: they may tell what has happened to the server. */
  write(line: string): void {
    this.add(line, this.lastLevel >= errorLevel && this.#waitingBytes <= 2 * this.maxWaitingBytes);
  }

  /** Takes a line with its end; returns at once whether it is kept. `mayExceed`: beyond the bound as well. Never throws. */
  add(line: string, mayExceed: boolean): boolean {
    const bytes = Buffer.from(line);
    // Where nothing waits it leaves, however long it is.
    const isOver = this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > this.maxWaitingBytes;
    if (isOver && !mayExceed) {
      this.#lost++;
      return false;
    }
    this.#tellLoss();
    this.#push(bytes, 1);
    if (this.#retry === undefined) this.#flush();
    return true;
  }

  /** Calls back, once, when there is room for many lines, or nothing can be written; at once, if so. */
  whenRoom(callback: () => void): void {
    if (this.#isBehind) this.#held.push(callback);
    else callback();
  }

  /** The process ends: waits a while for who reads. */
  end(): LogEnd {
    clearTimeout(this.#retry);
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    const untilMs = performance.now() + endMs;
    this.#tellLoss();
    let obstacle = this.#drain();
    // There is no room on a full disk, and nobody at the end of a broken pipe, however long one waits.
    while (obstacle === "EAGAIN" && performance.now() < untilMs) {
      Atomics.wait(nothing, 0, 0, 1);
      obstacle = this.#drain();
    }
    let lost = 0;
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) lost += line.count;
    return { lost, obstacle };
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
