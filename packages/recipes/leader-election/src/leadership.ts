/** Leadership that is held. */
import type { Client } from "@corral/client";
import { beginWait, Grant, type GrantOptions, type WaitOptions } from "@corral/recipe-kit";
import { handOver } from "./hand-over.ts";

/** A tenure: `signal` says when to stop, `fencingToken` is for resources outside, `guard()` for writes to the tree. */
export class Leadership extends Grant {
  readonly #client: Client;

  constructor(client: Client, options: GrantOptions) {
    super(client, options);
    this.#client = client;
  }

  /**
   * Hands leadership to another candidate, as `participants()` shows it: stop leading first. In one transaction we go and
   * it leads, so nobody else does in between, and never both. Out of turn only where candidates have priorities;
   * without, to the next in line. Candidates without a priority are never passed over.
   * @throws HandOverError when it cannot be, or does not take part any more: we lead as before. GrantLostError.
   * WaitTimeoutError and the signal's reason: whether it was handed over is unknown, and `signal` will tell.
   */
  async handOver(to: { readonly path: string }, wait: WaitOptions = {}): Promise<void> {
    using limit = beginWait(this.#client, "The handing over of", this.path, wait);
    await this.endBy("handed over", () => handOver(this.#client, this, to.path, limit.signal));
  }
}
