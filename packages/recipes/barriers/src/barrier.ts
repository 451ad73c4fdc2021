/**
 * A barrier that stands until somebody removes it.
 *
 * ```ts
 * const barrier = new Barrier(client, "/barriers/migration");
 * await barrier.set();
 * await barrier.wait({ timeoutMs: 60_000 }); // elsewhere: until it is removed
 * await barrier.remove();
 * ```
 *
 * Znodes     <path>: persistent; the barrier stands while it exists. As Curator's DistributedBarrier and kazoo's Barrier
 * Invariant  a wait that began after the barrier was set does not end before it was removed
 * Wake-up    each waiter watches the barrier; its removal wakes them all, for it concerns them all
 * Suspended  a wait goes on, and ends when the connection is back and the barrier is gone
 * Lost       the same: the barrier belongs to no session
 * Not given  an end when whoever set it dies: somebody else must remove it, see `explain()`
 */
import { type Client, isCoordinationError, type Stat, type WatchOptions } from "@corral/client";
import { beginWait, insist, isInterruption, recipePath, type WaitOptions, WakeUp } from "@corral/recipe-kit";

/** A barrier as people want to see it. */
export interface BarrierExplanation {
  readonly isSet: boolean;
  /** Since when it stands, wall clock of the server, ms since 1970. */
  readonly sinceMs?: number;
}

/** A barrier at one path; see the head of this file. */
export class Barrier {
  readonly path: string;
  readonly #client: Client;

  /** Remembers; nothing is sent before a call. */
  constructor(client: Client, path: string) {
    this.path = recipePath("Barrier", path);
    this.#client = client;
  }

  /** Sets the barrier. Fine if it stands already. */
  async set(wait: WaitOptions = {}): Promise<void> {
    using limit = beginWait(this.#client, "The setting of barrier", this.path, wait);
    const { signal } = limit;
    await insist(this.#client, () => this.#client.ensurePath(this.path, { signal }), signal);
  }

  /** Removes the barrier that stands now, and lets everybody pass who waits. Fine if there is none. */
  async remove(wait: WaitOptions = {}): Promise<void> {
    using limit = beginWait(this.#client, "The removal of barrier", this.path, wait);
    const client = this.#client;
    const { signal } = limit;
    const standing = await this.#stat(signal);
    if (standing === undefined) return;
    for (;;) {
      try {
        return await client.delete(this.path, { signal });
      } catch (error) {
        if (isCoordinationError(error, "NoNode")) return;
        if (!isInterruption(error)) throw error;
      }
      // If it was deleted and somebody has set it again since, that one is not ours to remove.
      if ((await this.#stat(signal))?.czxid !== standing.czxid) return;
    }
  }

  /**
   * Waits until the barrier that stands now is gone, even if it is set again at once; resolves immediately if there is
   * none.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async wait(wait: WaitOptions = {}): Promise<void> {
    using limit = beginWait(this.#client, "The removal of barrier", this.path, wait);
    const client = this.#client;
    const { signal } = limit;
    let waitedFor: bigint | undefined;
    for (;;) {
      using wakeUp = new WakeUp(client);
      // A server that lags behind must not let us pass because it does not know the barrier yet.
      const czxid = await this.#look({ watch: wakeUp.watch(this.path), linearizable: waitedFor === undefined, signal });
      waitedFor ??= czxid;
      if (czxid === undefined || czxid !== waitedFor) return;
      await wakeUp.wait(signal);
    }
  }

  /** Whether the barrier stands. */
  async isSet(wait: WaitOptions = {}): Promise<boolean> {
    using limit = beginWait(this.#client, "A look at barrier", this.path, wait);
    return (await this.#stat(limit.signal)) !== undefined;
  }

  /** Whether it stands, and since when. */
  async explain(wait: WaitOptions = {}): Promise<BarrierExplanation> {
    using limit = beginWait(this.#client, "The explanation of", this.path, wait);
    const stat = await this.#stat(limit.signal);
    return stat === undefined ? { isSet: false } : { isSet: true, sinceMs: stat.ctimeMs };
  }

  /** What there is by now, and not what a server that lags behind still believes. */
  async #stat(signal: AbortSignal): Promise<Stat | undefined> {
    const options = { linearizable: true, signal };
    return await insist(this.#client, () => this.#client.exists(this.path, options), signal);
  }

  /** The czxid of the barrier, which tells it from a later one at the same path. */
  async #look(options: WatchOptions): Promise<bigint | undefined> {
    try {
      const { stat } = await insist(this.#client, () => this.#client.get(this.path, options), options.signal);
      return stat.czxid;
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return undefined;
      throw error;
    }
  }
}
