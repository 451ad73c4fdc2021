/**
 * Node's clocks and timers behind the `Clock` port.
 *
 * Linux's monotonic clock stands still while the machine is suspended, its boot clock does not. Elapsed time is the
 * larger of the two: the fine monotonic clock, pushed forward by every gap that opens between them.
 */
import { uptime } from "node:os";
import { performance } from "node:perf_hooks";
import type { Clock, TimerHandle } from "../ports/clock.ts";

/** The raw readings that elapsed time is made of. */
export interface ClockReadings {
  /** Fine, never goes back, may stand still while the machine is suspended. Milliseconds. */
  monotonicMs(): number;
  /** Coarse, counts suspended time. Milliseconds. */
  bootMs(): number;
  /** The time of day: may be set, but does not stand still either. Milliseconds. */
  wallMs(): number;
}

/** The boot clock comes in hundredths of a second on Linux, in whole seconds elsewhere. A gap below this is rounding. */
const bootClockGrainMs = process.platform === "linux" ? 50 : 2_000;

/**
 * Asking the boot clock costs system calls, the time of day costs none. So the boot clock is asked when the time of day has
 * not moved as the monotonic clock has, by more than its own rounding: the machine was suspended, or somebody has set the
 * time. Whatever the time of day says, it is asked once in a while.
 */
const wallClockGrainMs = 2;
const bootClockEveryMs = 100;

/** The longest delay that Node's own timers take; a longer one is waited for in pieces. */
const longestTimerMs = 2 ** 31 - 1;

/** Builds the function that returns elapsed milliseconds from the raw clocks. Separate so that a test can suspend a machine. */
export function elapsedFrom(readings: ClockReadings, grainMs: number): () => number {
  const bootAheadMs = readings.bootMs() - readings.monotonicMs();
  let suspendedMs = 0;
  let latestMs = readings.monotonicMs();
  let bootCheckedAtMs = latestMs;
  let wallAheadMs = readings.wallMs() - latestMs;
  return () => {
    const monotonicMs = readings.monotonicMs();
    const movedMs = readings.wallMs() - monotonicMs - wallAheadMs;
    if (Math.abs(movedMs) > wallClockGrainMs || monotonicMs - bootCheckedAtMs >= bootClockEveryMs) {
      wallAheadMs += movedMs;
      bootCheckedAtMs = monotonicMs;
      const gapMs = readings.bootMs() - bootAheadMs - monotonicMs - suspendedMs;
      if (gapMs >= grainMs) suspendedMs += gapMs;
    }
    latestMs = Math.max(latestMs, monotonicMs + suspendedMs);
    return latestMs;
  };
}

class NodeTimer implements TimerHandle {
  readonly #dueAtMs: number;
  readonly #callback: () => void;
  #timeout: NodeJS.Timeout | undefined;

  constructor(delayMs: number, callback: () => void) {
    this.#dueAtMs = performance.now() + delayMs;
    this.#callback = callback;
    this.#wait();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
  }

  /** Node may fire up to a millisecond early, and takes a delay above 2^31 − 1 for 1: so look at the clock and wait again. */
  #wait(): void {
    const remainingMs = Math.min(longestTimerMs, Math.max(0, this.#dueAtMs - performance.now()));
    this.#timeout = setTimeout(() => {
      if (performance.now() < this.#dueAtMs) this.#wait();
      else this.#callback();
    }, Math.ceil(remainingMs));
  }
}

/** What is due at once: after everything that has happened by now, without the millisecond that Node's timers take at least. */
class NextTurn implements TimerHandle {
  readonly #immediate: NodeJS.Immediate;

  constructor(callback: () => void) {
    this.#immediate = setImmediate(callback);
  }

  cancel(): void {
    clearImmediate(this.#immediate);
  }
}

/** The machine's clocks and Node's timers. A timer that is set keeps the process alive. */
export const nodeClock: Clock = {
  wallMs: () => Date.now(),
  elapsedMs: elapsedFrom(
    { monotonicMs: () => performance.now(), bootMs: () => uptime() * 1_000, wallMs: () => Date.now() },
    bootClockGrainMs,
  ),
  setTimer(delayMs, callback) {
    if (Number.isNaN(delayMs)) throw new RangeError("A timer's delay must be a number of milliseconds");
    return delayMs <= 0 ? new NextTurn(callback) : new NodeTimer(delayMs, callback);
  },
};
