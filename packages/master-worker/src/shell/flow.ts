/** Small helpers for asynchronous flow: bounded concurrency, coalesced work, delays on the clock, back-off. */
import type { Clock, Random } from "@corral/io";
import { Observable, type OperatorFunction } from "rxjs";

/**
 * Runs `work` on each item, at most `limit` at a time, starting in the order given; results in that order. When one
 * fails, no further item is started, and the first error is thrown once those under way have settled.
 */
export async function inFlight<T, R>(limit: number, items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed: { error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < items.length && failed === undefined) {
      const index = next++;
      try {
        results[index] = await work(items[index]!);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
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

const onAborted = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `callback` when `signal` aborts, unless it has already. Returns how to take it back. However many wait for one
 * signal, it has one listener: a program may give one signal to all its tasks, and Node takes a long list for a leak.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let callbacks = onAborted.get(signal);
  if (callbacks === undefined) {
    const all = new Set<() => void>();
    const tell = (): void => {
      for (const each of all) each();
    };
    signal.addEventListener("abort", tell, { once: true });
    onAborted.set(signal, all);
    callbacks = all;
  }
  // A function of its own, so that one callback can be registered twice.
  const own = (): void => callback();
  const registered = callbacks.add(own);
  return () => void registered.delete(own);
}

/** Resolves after `delayMs`, or as soon as `signal` aborts: the caller looks at the signal itself. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      ignore();
      resolve();
    };
    const timer = clock.setTimer(delayMs, end);
    const ignore = onAbort(signal, end);
  });
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
