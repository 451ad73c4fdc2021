/** One thing read from the tree and watched there. A watch that fires says "read again", never what has changed. */

/** Called when what was read may have changed. */
export type Hint = () => void;

/** Reads, arming `watch` if it is given. Resolves to undefined when the node is not there. */
export type Read<T> = (watch: Hint | undefined) => Promise<T | undefined>;

/** A value of the tree that is brought up to date on demand, with at most one watch armed for it at any time. */
export class Watched<T> {
  #value: T | undefined;
  #isStale = true;
  #isArmed = false;
  readonly #read: Read<T>;
  readonly #onHint: Hint;

  /** `onHint` is called when the value may be out of date. */
  constructor(read: Read<T>, onHint: Hint) {
    this.#read = read;
    this.#onHint = onHint;
  }

  /** What was read last. */
  get value(): T | undefined {
    return this.#value;
  }

  /** Reads again if the value may be out of date. Rejects with what the read rejects with. */
  async refresh(): Promise<T | undefined> {
    if (!this.#isStale) {
      return this.#value;
    }
    // Before the read: a change that comes while it is under way makes it stale again.
    this.#isStale = false;
    const arms = !this.#isArmed;
    this.#isArmed = true;
    try {
      this.#value = await this.#read(arms ? this.#onWatch : undefined);
    } catch (error) {
      this.#isStale = true;
      this.#isArmed &&= !arms;
      throw error;
    }
    return this.#value;
  }

  readonly #onWatch = (): void => {
    this.#isArmed = false;
    this.#isStale = true;
    this.#onHint();
  };
}
