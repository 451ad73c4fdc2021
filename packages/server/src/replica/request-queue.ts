/**
 * The requests of one connection that are not answered yet, in the order in which they came. Those that were taken up wait for their
 * turn to be answered; behind them may be some that were not even looked at, see `hold`.
 */
import { Fifo } from "@corral/io";
import type { ErrorCode } from "@corral/protocol";
import type { Outcome } from "../state/operation.ts";
import type { Load } from "./load.ts";
import { longReadWeight } from "./long-reads.ts";

/** A request that waits: for its own entry to be applied, or for what stands before it. */
export type QueuedRequest = QueuedFrame | QueuedWrite | QueuedVerdict;

/** A request that is looked at when its turn has come. */
export interface QueuedFrame {
  readonly kind: "frame";
  readonly frame: Buffer;
  readonly arrivedMs: number;
  /** What was proposed until it came must have been applied; 0 for all but sync. */
  readonly afterZxid: number;
  /** About how long its answer is going to be. */
  readonly answerBytes: number;
}

/** A write that was proposed; its reply waits for the outcome, and for what stands before it. */
export interface QueuedWrite {
  readonly kind: "write";
  readonly xid: number;
  readonly type: number;
  readonly arrivedMs: number;
  /** Of its body. */
  readonly bytes: number;
  /** What came of it, once applied. */
  outcome: Outcome | undefined;
}

/** Who asks was settled when the request came; its reply waits for what stands before it. */
export interface QueuedVerdict {
  readonly kind: "verdict";
  readonly xid: number;
  readonly type: number;
  readonly arrivedMs: number;
  /** What is answered, if anything is. */
  readonly err: ErrorCode | undefined;
  /** Why the connection ends, if it does. */
  readonly ending: string | undefined;
}

/** A request that was not looked at. */
export interface HeldRequest {
  readonly frame: Buffer;
  readonly arrivedMs: number;
}

/** A connection's requests; see the head of this file. */
export class RequestQueue {
  readonly #load: Load;
  readonly #requests = new Fifo<QueuedRequest>();
  readonly #held = new Fifo<HeldRequest>();
  #bytes = 0;
  #frames = 0;
  #framesBeforeWrite = 0;
  #answerBytes = 0;
  #longestWrite = 0;
  #longReads = 0;

  /** `load`: where its part of what all connections hold is counted. */
  constructor(load: Load) {
    this.#load = load;
  }

  /** All requests. */
  get length(): number {
    return this.#requests.length + this.#held.length;
  }

  /** Bytes of all requests. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those that are looked at when their turn has come: reads and all else that is no write. */
  get frames(): number {
    return this.#frames;
  }

  /** About how long the answers to `frames` are going to be, together. */
  get answerBytes(): number {
    return this.#answerBytes;
  }

  /** Bytes of the longest write since there was nothing to wait for: what is read behind it may have become as long. */
  get longestWrite(): number {
    return this.#longestWrite;
  }

  /** What those of `frames` count that may take long; see long-reads.ts. */
  get longReads(): number {
    return this.#longReads;
  }

  /** Whether the next one has its turn: none of those that were taken up stands before it. */
  get isClear(): boolean {
    return this.#requests.length === 0;
  }

  /** Whether one has to be answered before a write that is under way already: that one is applied whenever it is durable. */
  get cannotWait(): boolean {
    return this.#framesBeforeWrite > 0;
  }

  /** Whether some were not looked at. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  push(request: QueuedRequest): void {
    // What is refused at once changes nothing.
    if (request.kind === "write" && request.outcome === undefined) {
      this.#framesBeforeWrite = this.#frames;
      this.#longestWrite = Math.max(this.#longestWrite, request.bytes);
    }
    this.#requests.push(request);
    this.#count(request, 1);
  }

  /** The next one to be answered, left in. */
  peek(): QueuedRequest | undefined {
    return this.#requests.peek();
  }

  /** The next one to be answered, taken out. */
  shift(): QueuedRequest | undefined {
    const request = this.#requests.shift();
    if (request === undefined) return undefined;
    this.#count(request, -1);
    if (request.kind === "frame" && this.#framesBeforeWrite > 0) this.#framesBeforeWrite--;
    if (this.isClear) this.#longestWrite = 0;
    return request;
  }

  /** Keeps a request, and with it all that follow, until it can be taken up. */
  hold(held: HeldRequest): void {
    this.#held.push(held);
    this.#add(1, held.frame.length);
  }

  /** The next one that was not looked at, left in. */
  peekHeld(): HeldRequest | undefined {
    return this.#held.peek();
  }

  /** The next one that was not looked at, taken out. */
  shiftHeld(): HeldRequest | undefined {
    const held = this.#held.shift();
    if (held !== undefined) this.#add(-1, -held.frame.length);
    return held;
  }

  clear(): void {
    this.#add(-this.length, -this.#bytes);
    this.#requests.clear();
    this.#held.clear();
    this.#frames = 0;
    this.#framesBeforeWrite = 0;
    this.#answerBytes = 0;
    this.#longestWrite = 0;
    this.#longReads = 0;
  }

  #count(request: QueuedRequest, by: 1 | -1): void {
    switch (request.kind) {
      case "frame":
        this.#frames += by;
        this.#answerBytes += by * request.answerBytes;
        this.#longReads += by * longReadWeight(request.frame);
        return this.#add(by, by * request.frame.length);
      case "write":
        return this.#add(by, by * request.bytes);
      case "verdict":
        return this.#add(by, 0);
    }
  }

  #add(requests: number, bytes: number): void {
    this.#bytes += bytes;
    this.#load.pendingRequests += requests;
    this.#load.pendingBytes += bytes;
  }
}
