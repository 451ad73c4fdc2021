/** An observable as an async iterator, for those who look at their own pace: what they are too slow for is skipped. */
import type { Observable, Subscription } from "rxjs";

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/**
 * Iterates over `source`, of which each step gives the latest value that has not been given yet. Subscribes at the first
 * step; leaving the loop unsubscribes.
 */
export class LatestIterator<T> implements AsyncIterableIterator<T, undefined, undefined> {
  readonly #source: Observable<T>;
  #subscription: Subscription | undefined;
  #latest: { readonly value: T } | undefined;
  #end: { readonly error: unknown } | "completed" | undefined;
  #waiters: Waiter<T>[] = [];

  constructor(source: Observable<T>) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#subscription === undefined && this.#end === undefined) this.#subscribe();
      this.#give();
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#latest = undefined;
    this.#end = "completed";
    this.#subscription?.unsubscribe();
    this.#give();
    return Promise.resolve({ done: true, value: undefined });
  }

  #subscribe(): void {
    this.#subscription = this.#source.subscribe({
      next: (value) => {
        this.#latest = { value };
        this.#give();
      },
      error: (error: unknown) => {
        this.#end = { error };
        this.#give();
      },
      complete: () => {
        this.#end ??= "completed";
        this.#give();
      },
    });
    // Ended while it was being subscribed to, by whoever was given its first value.
    if (this.#end !== undefined) this.#subscription.unsubscribe();
  }

  /** The latest value first, and then the end: the last state is not lost because nothing follows it. */
  #give(): void {
    while (this.#waiters.length > 0) {
      if (this.#latest === undefined && this.#end === undefined) return;
      const waiter = this.#waiters.shift();
      if (this.#latest !== undefined) {
        const { value } = this.#latest;
        this.#latest = undefined;
        waiter?.resolve({ done: false, value });
      } else if (this.#end !== "completed" && this.#end !== undefined) {
        const { error } = this.#end;
        this.#end = "completed";
        waiter?.reject(error);
      } else {
        waiter?.resolve({ done: true, value: undefined });
      }
    }
  }
}
