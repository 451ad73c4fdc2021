/**
 * How much is done before everybody else has a turn. What one turn of the event loop may take is bounded, over all connections;
 * above it those with more to be done wait in a line, and each goes back to its end after a slice. So nobody waits longer
 * than one slice of each of the others takes.
 */
import type { Clock } from "@corral/io";
import type { Limits } from "../limits.ts";

/** What the line needs. */
export interface WorkTurnsOptions<T> {
  readonly clock: Clock;
  readonly limits: Limits;
  /** Does one slice of what waits for `item`. Returns whether there is more. */
  readonly work: (item: T) => boolean;
}

/** The line of those who wait; see the head of this file. */
export class WorkTurns<T> {
  readonly #options: WorkTurnsOptions<T>;
  readonly #waiting = new Set<T>();
  #requestsLeft: number;
  #bytesLeft: number;
  #scheduled = false;

  constructor(options: WorkTurnsOptions<T>) {
    this.#options = options;
    this.#requestsLeft = options.limits.maxTurnRequests;
    this.#bytesLeft = options.limits.maxTurnBytes;
  }

  /** Those who wait, the next one first. */
  get waiting(): ReadonlySet<T> {
    return this.#waiting;
  }

  /** Whether more may be done before everybody else has a turn. */
  get hasRoom(): boolean {
    return this.#requestsLeft > 0 && this.#bytesLeft > 0;
  }

  /** Whether no more was done than in two turns: then who asks for little need not wait. */
  get isLittleBehind(): boolean {
    const { maxTurnRequests, maxTurnBytes } = this.#options.limits;
    return this.#requestsLeft > -maxTurnRequests && this.#bytesLeft > -maxTurnBytes;
  }

  /** So much was done. */
  spend(requests: number, bytes: number): void {
    this.#requestsLeft -= requests;
    this.#bytesLeft -= bytes;
    // It comes back with the next turn, which is only asked for when there is nothing left: most of them are short.
    if (!this.hasRoom) this.#schedule();
  }

  /** Puts it at the end of the line, if it is not in it. */
  wait(item: T): void {
    this.#waiting.add(item);
    this.#schedule();
  }

  /** It waits no more. */
  forget(item: T): void {
    this.#waiting.delete(item);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.setTimer(0, () => this.#turn());
  }

  #turn(): void {
    const { limits, work } = this.#options;
    this.#requestsLeft = limits.maxTurnRequests;
    this.#bytesLeft = limits.maxTurnBytes;
    // Who comes back to the end of the line is met again here, as long as there is room.
    for (const item of this.#waiting) {
      if (!this.hasRoom) break;
      this.#waiting.delete(item);
      this.#requestsLeft--;
      if (work(item)) this.#waiting.add(item);
    }
    this.#scheduled = false;
    if (this.#waiting.size > 0 || !this.hasRoom) this.#schedule();
  }
}
