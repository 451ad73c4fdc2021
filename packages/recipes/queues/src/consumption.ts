/**
 * Deliveries one after the other, as a loop wants them: the next one is taken when it is asked for, and when there are
 * fewer than `concurrency` that have not been ended.
 */
import { until } from "@corral/recipe-kit";
import type { Delivery } from "./delivery.ts";

/** What a loop over deliveries takes. */
export interface ConsumeOptions {
  /** Ends the loop after what it has in hand: no more is taken. Deliveries that were given are not touched. */
  readonly signal?: AbortSignal | undefined;
  /** How many deliveries may be held at one time. Default 1: the next comes when the last was ended. */
  readonly concurrency?: number | undefined;
}

/** See the head of this file. Leaving the loop gives back what was not ended; the end by `signal` does not. */
export class Consumption<T> implements AsyncIterableIterator<Delivery<T>, undefined, undefined> {
  readonly #take: (signal: AbortSignal) => Promise<Delivery<T>>;
  readonly #concurrency: number;
  readonly #signal: AbortSignal | undefined;
  readonly #over = new AbortController();
  readonly #held = new Set<Delivery<T>>();
  /** Steps are taken one after the other, however they are asked for. */
  #last: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(take: (signal: AbortSignal) => Promise<Delivery<T>>, { signal, concurrency = 1 }: ConsumeOptions) {
    this.#take = take;
    this.#concurrency = concurrency;
    this.#signal = signal;
    if (signal?.aborted) this.#over.abort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Delivery<T>, undefined>> {
    const step = this.#last.then(() => this.#next());
    this.#last = step.catch(() => undefined);
    return step;
  }

  async return(): Promise<IteratorResult<Delivery<T>, undefined>> {
    this.#end();
    await this.#last;
    await Promise.all([...this.#held].map((delivery) => delivery.release({ reason: "its consumer stopped" })));
    return { done: true, value: undefined };
  }

  readonly #onAbort = (): void => this.#over.abort();

  async #next(): Promise<IteratorResult<Delivery<T>, undefined>> {
    const { signal } = this.#over;
    try {
      while (this.#held.size >= this.#concurrency) {
        await until(new Promise<void>((resolve) => (this.#wake = resolve)), signal);
      }
      signal.throwIfAborted();
      const delivery = await this.#take(signal);
      this.#hold(delivery);
      return { done: false, value: delivery };
    } catch (error) {
      const wasOver = signal.aborted;
      this.#end();
      if (!wasOver) throw error;
      return { done: true, value: undefined };
    }
  }

  #hold(delivery: Delivery<T>): void {
    const drop = (): void => {
      this.#held.delete(delivery);
      this.#wake();
    };
    this.#held.add(delivery);
    if (delivery.signal.aborted) drop();
    else delivery.signal.addEventListener("abort", drop, { once: true });
  }

  #end(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#over.abort();
  }
}
