/** So many at a time. */

/** Lets so many run at a time; the others wait their turn, first come, first served. */
export class Slots {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `fn` when there is room. If `signal` aborts before that, it does not, and rejects with the signal's reason. */
  async run<T>(fn: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    // Who leaves hands its slot on, so that nobody comes in between.
    if (this.#running < this.#limit) this.#running += 1;
    else await this.#turn(signal);
    try {
      return await fn();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(go);
    });
  }
}
