/**
 * One thing read from the tree and watched there. A watch is a hint that the value is stale, nothing more: `refresh`
 * reads again, with a new watch only where none is armed, so that watches never pile up.
 */
import { isCoordinationError, type Watcher } from "@corral/client";

/** Reads the value, registering `watch` (if given) with the read. Rejecting with NoNodeError means: absent. */
export type WatchedRead<T> = (options: { readonly watch?: Watcher; readonly signal: AbortSignal }) => Promise<T>;

/** A value of the tree that is brought up to date on demand. */
export class Watched<T> {
  readonly #read: WatchedRead<T>;
  readonly #onHint: () => void;
  #armed = false;
  #stale = true;
  #value: T | undefined;

  /** `onHint` is called when the value may have changed; it must only note that. */
  constructor(read: WatchedRead<T>, onHint: () => void) {
    this.#read = read;
    this.#onHint = onHint;
  }

  /** What was read last; `undefined` if it was not there, or never read. */
  get value(): T | undefined {
    return this.#value;
  }

  /** Whether the value may be out of date. */
  get stale(): boolean {
    return this.#stale;
  }

  /** The next `refresh` must read. */
  invalidate(): void {
    this.#stale = true;
  }

  /** Reads again if the value may be out of date. `true` if it did. Rejects with what the read rejects with. */
  async refresh(signal: AbortSignal): Promise<boolean> {
    if (!this.#stale) return false;
    // Before the read, so that a change between the answer and here is not taken for old news.
    this.#stale = false;
    const arming = !this.#armed;
    this.#armed = true;
    try {
      this.#value = await this.#read(arming ? { watch: this.#onWatch, signal } : { signal });
    } catch (error) {
      if (arming) this.#armed = false;
      if (!isCoordinationError(error, "NoNode")) {
        this.#stale = true;
        throw error;
      }
      this.#value = undefined;
    }
    return true;
  }

  readonly #onWatch = (): void => {
    this.#armed = false;
    this.#stale = true;
    this.#onHint();
  };
}
