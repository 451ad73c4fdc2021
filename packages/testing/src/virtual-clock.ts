/** Time that moves only when the test says so. */
import type { Clock, TimerHandle } from "@corral/io";

interface VirtualTimer {
  readonly dueMs: number;
  readonly number: number;
  readonly callback: () => void;
}

/**
 * A `Clock` under the test's control. Timers run in the order in which they are due, and in the order of setting when
 * they are due together; a timer that a timer sets runs too if it is due within the same `advance`.
 */
export class VirtualClock implements Clock {
  #wallMs: number;
  #elapsedMs = 0;
  #timersSet = 0;
  readonly #timers = new Set<VirtualTimer>();

  /** `wallMs`: what the wall clock shows at the start. */
  constructor(wallMs = Date.UTC(2024, 0, 1)) {
    this.#wallMs = wallMs;
  }

  wallMs(): number {
    return Math.floor(this.#wallMs);
  }

  elapsedMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, callback: () => void): TimerHandle {
    this.#timersSet += 1;
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), number: this.#timersSet, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Timers that are set and have not run. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer is due; undefined if none is set. */
  get untilNextTimerMs(): number | undefined {
    const next = this.#next();
    return next && Math.max(0, next.dueMs - this.#elapsedMs);
  }

  /** Lets `ms` pass: both clocks move, and what becomes due runs, each timer at its own time. */
  advance(ms: number): void {
    const targetMs = this.#elapsedMs + ms;
    for (let next = this.#next(); next && next.dueMs <= targetMs; next = this.#next()) {
      this.#timers.delete(next);
      this.#moveTo(Math.max(this.#elapsedMs, next.dueMs));
      next.callback();
    }
    this.#moveTo(Math.max(this.#elapsedMs, targetMs));
  }

  /**
   * Lets `ms` pass without running anything, as when the process was stopped or the machine suspended. What became due
   * meanwhile runs at the next `advance`, even of 0.
   */
  stall(ms: number): void {
    this.#moveTo(this.#elapsedMs + ms);
  }

  /** Sets the wall clock forward or (negative) back. Elapsed time does not notice. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  #moveTo(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }

  #next(): VirtualTimer | undefined {
    let first: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (!first || timer.dueMs < first.dueMs) first = timer;
    }
    return first;
  }
}
