/** What wakes a loop that looks again: a watch, a timer, the end of some work. */
import type { Client } from "@corral/client";

/** Rung while nobody waits, it is heard by the next who does; rung twice, once. */
export class Bell {
  #isRung = false;
  #wake: (() => void) | undefined;

  /** One function for good: as a watcher it is registered once, however often it is given. */
  readonly ring = (): void => {
    this.#isRung = true;
    this.#wake?.();
  };

  /** Resolves when it has been rung since the last wait. Rejects with the signal's reason. One waits at a time. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isRung) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          this.#wake = undefined;
          reject(signal.reason);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        this.#wake = () => {
          this.#wake = undefined;
          signal.removeEventListener("abort", onAbort);
          resolve();
        };
      });
    }
    this.#isRung = false;
  }
}

/** Calls `fn` after so long, unless disposed of before. */
export function callAfter({ clock }: Client, delayMs: number, fn: () => void): Disposable {
  const timer = clock.setTimer(Math.max(0, delayMs), fn);
  return { [Symbol.dispose]: () => timer.cancel() };
}
