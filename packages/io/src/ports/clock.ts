/**
 * Time as Corral sees it. Two clocks that are never mixed: the wall clock, which people read and which may jump,
 * and elapsed time, which only grows and which every timeout, lease and deadline is counted on.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970 (whole number). For stamps that people read; may jump either way. */
  wallMs(): number;
  /**
   * Elapsed time in milliseconds from an arbitrary start. Never goes back, and counts the time for which the machine
   * was suspended, so that a lease cannot be believed across a closed lid.
   */
  elapsedMs(): number;
  /** Calls `callback` once, no sooner than `delayMs` from now; with 0 when what has happened by now has had its turn. */
  setTimer(delayMs: number, callback: () => void): TimerHandle;
}

/** A timer that was set. */
export interface TimerHandle {
  /** Makes sure that the callback will not run (again). Idempotent. */
  cancel(): void;
}
