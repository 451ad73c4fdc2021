/**
 * One direction of a connection: a queue in which everything waits for its time. First in, first out, whatever the
 * delays are; a stalled lane keeps what comes and gives it out, in order, once it is resumed.
 */
import type { Clock, TimerHandle } from "@corral/io";

/** What travels: the connection's opening, its bytes, and how it ends, so that an end can never overtake the bytes. */
export type Cargo =
  | { readonly kind: "open" }
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  /** The sender has ended its half. */
  | { readonly kind: "end" }
  /** The sender's connection broke. */
  | { readonly kind: "reset" };

/** What a lane needs. */
export interface LaneOptions {
  readonly clock: Clock;
  /** Drawn for each piece of cargo when it comes, ms. */
  readonly delayMs: () => number;
  /** Hands cargo on. False: nothing more can be taken until `proceed` is called. */
  readonly deliver: (cargo: Cargo) => boolean;
}

/** See the head of this file. */
export class Lane {
  readonly #options: LaneOptions;
  #queue: { readonly cargo: Cargo; readonly dueMs: number }[] = [];
  #heldBytes = 0;
  #lastDueMs = 0;
  #isStalled = false;
  #isBlocked = false;
  #isDiscarded = false;
  #isPumping = false;
  #timer: TimerHandle | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Bytes that have come and are not handed on. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Takes cargo at the sender's end. */
  push(cargo: Cargo): void {
    if (this.#isDiscarded) return;
    const { clock, delayMs } = this.#options;
    // Never before what came earlier, however much shorter its own delay is.
    this.#lastDueMs = Math.max(this.#lastDueMs, clock.elapsedMs() + delayMs());
    this.#queue.push({ cargo, dueMs: this.#lastDueMs });
    if (cargo.kind === "bytes") this.#heldBytes += cargo.bytes.length;
    this.#pump();
  }

  /** Hands nothing on from now. */
  stall(): void {
    this.#isStalled = true;
  }

  /** Hands on what is due, in order. */
  resume(): void {
    this.#isStalled = false;
    this.#pump();
  }

  /** The receiver can take cargo again. */
  proceed(): void {
    this.#isBlocked = false;
    this.#pump();
  }

  /** Drops everything, now and in future. */
  discard(): void {
    this.#isDiscarded = true;
    this.#queue = [];
    this.#heldBytes = 0;
    this.#timer?.cancel();
  }

  #pump(): void {
    // Whoever is handed cargo may stall, discard or push: the loop looks afresh each time, and runs only once.
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (!this.#isStalled && !this.#isBlocked) {
        const [head] = this.#queue;
        if (head === undefined) return;
        const waitMs = head.dueMs - this.#options.clock.elapsedMs();
        if (waitMs > 0) return this.#wakeIn(waitMs);
        this.#queue.shift();
        if (head.cargo.kind === "bytes") this.#heldBytes -= head.cargo.bytes.length;
        if (!this.#options.deliver(head.cargo)) this.#isBlocked = true;
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #wakeIn(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(ms, () => this.#pump());
  }
}
