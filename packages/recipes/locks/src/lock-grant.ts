/** A lock that is held. */
import { Grant } from "@corral/recipe-kit";

/** A grant that can be entered several times by those who have it. */
export class LockGrant extends Grant {
  #entries = 1;

  /**
   * Enters once more: for code that needs the lock and is called with or without it. Each `reenter()` takes one more
   * `release()`. Explicit, because there is nothing in Node that could tell who is asking.
   * @throws GrantLostError if it is not held any more.
   */
  reenter(): this {
    this.throwIfLost();
    this.#entries++;
    return this;
  }

  /** Leaves; the last to leave gives the lock back. */
  override release(): Promise<void> {
    this.#entries--;
    return this.#entries > 0 && this.held ? Promise.resolve() : super.release();
  }

  override releaseHeld(): Promise<void> {
    this.throwIfLost();
    if (this.#entries > 1) return this.release();
    this.#entries--;
    return super.releaseHeld();
  }
}
