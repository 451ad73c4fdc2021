/** Small helpers for asynchronous flow: bounded concurrency, coalesced work, delays on the clock, back-off. */
import type { Clock, Random } from "@corral/io";
import { Observable, type OperatorFunction } from "rxjs";

/**
 * Short-lived signals that abort with a long-lived one. However many there are, the long-lived one has one listener: a
 * signal given to dozens of requests at a time would grow a list of listeners that Node takes for a leak.
 */
export class SignalFan {
  readonly #parent: AbortSignal;
  readonly #children = new Set<AbortController>();
  readonly #onAbort = (): void => {
    for (const child of this.#children) child.abort(this.#parent.reason);
  };

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    parent.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Calls `work` with a signal of its own. */
  async use<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const child = new AbortController();
    if (this.#parent.aborted) child.abort(this.#parent.reason);
    this.#children.add(child);
    try {
      return await work(child.signal);
    } finally {
      this.#children.delete(child);
    }
  }

  /** Lets go of the long-lived signal. */
  [Symbol.dispose](): void {
    this.#parent.removeEventListener("abort", this.#onAbort);
  }
}

/**
 * Runs `work` on each item, at most `limit` at a time, starting in the order given; results in that order. `work` gets a
 * signal that aborts with `signal`. When one fails, no further item is started, and the first error is thrown once those
 * under way have settled.
 */
export async function inFlight<T, R>(
  limit: number,
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed: { error: unknown } | undefined;
  const lane = async (laneSignal: AbortSignal): Promise<void> => {
    while (next < items.length && failed === undefined) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, laneSignal);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  const fan = new SignalFan(signal);
  try {
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, () => fan.use(lane)));
  } finally {
    fan[Symbol.dispose]();
  }
  if (failed !== undefined) throw failed.error;
  return results;
}

/**
 * Runs `work` when the source emits: never twice at once, and once more if the source emitted meanwhile. What a
 * level-triggered loop needs, which reads everything again and so gains nothing from being called once per change.
 */
export function coalesceMap<R>(work: () => Promise<R>): OperatorFunction<unknown, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      let running = false;
      let again = false;
      const run = async (): Promise<void> => {
        running = true;
        try {
          do {
            again = false;
            subscriber.next(await work());
          } while (again && !subscriber.closed);
        } catch (error) {
          subscriber.error(error);
        } finally {
          running = false;
        }
      };
      return source.subscribe({
        next: () => {
          again = true;
          if (!running) void run();
        },
        error: (error: unknown) => subscriber.error(error),
      });
    });
}

/** Resolves after `delayMs`, or as soon as `signal` aborts: the caller looks at the signal itself. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimer(delayMs, end);
    signal.addEventListener("abort", end);
  });
}

/** Resolves when `signal` aborts. Never rejects. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * The pace of a loop that starts over after trouble with whatever it finds then: election after election, registration
 * after registration, pass after pass. Grows with each use until it is reset: 50 ms to 3 s, each delay drawn between half
 * and all of that. (One operation that is to be repeated until it is answered is the client's `insist`.)
 */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  #failures = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** What was tried has worked. */
  reset(): void {
    this.#failures = 0;
  }

  /** Waits before the next try, or until `signal` aborts. */
  wait(signal: AbortSignal): Promise<void> {
    const ceilingMs = Math.min(3_000, 50 * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    return pause(this.#clock, ceilingMs * (0.5 + this.#random.fraction() / 2), signal);
  }
}
