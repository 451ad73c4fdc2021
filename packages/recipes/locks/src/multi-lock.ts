/**
 * Several locks as one: all of them or none.
 *
 * Acquired in the order of their paths, whatever order they are given in, so that two clients that want the same ones
 * cannot each hold what the other waits for. Given back in reverse; one that cannot be given back does not keep the rest.
 */
import type { Client } from "@corral/client";
import { beginWait, type Guard, type WaitOptions, withGrant } from "@corral/recipe-kit";
import type { LockGrant } from "./lock-grant.ts";
import type { QueueLock } from "./queue-lock.ts";

/** Every one of the locks, held. */
export class MultiGrant implements AsyncDisposable {
  /** In the order of their paths. */
  readonly grants: readonly LockGrant[];
  /** Aborts when the first of them is lost, or on release. */
  readonly signal: AbortSignal;

  constructor(grants: readonly LockGrant[]) {
    this.grants = grants;
    this.signal = AbortSignal.any(grants.map((grant) => grant.signal));
  }

  /** Whether all of them hold now. */
  get held(): boolean {
    return this.grants.every((grant) => grant.held);
  }

  /** @throws GrantLostError of the first that is lost. */
  throwIfLost(): void {
    for (const grant of this.grants) grant.throwIfLost();
  }

  /** The earliest of their deadlines. */
  get deadlineMs(): number {
    return Math.min(...this.grants.map((grant) => grant.deadlineMs));
  }

  /** The conditions of all of them: `for (const one of held.grants) transaction.guard(one)`. */
  guards(): Guard[] {
    return this.grants.map((grant) => grant.guard());
  }

  /** Gives all back. @throws AggregateError when some could not be. */
  async release(): Promise<void> {
    const errors: unknown[] = [];
    for (const grant of this.grants.toReversed()) {
      try {
        await grant.release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, "some of the locks could not be given back");
  }

  /** Gives all back, having made sure that they held until now. @throws GrantLostError of the first that did not. */
  async releaseHeld(): Promise<void> {
    const ends = await Promise.allSettled(this.grants.toReversed().map((grant) => grant.releaseHeld()));
    await this.release();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** Several locks taken together; see the head of this file. */
export class MultiLock {
  readonly #client: Client;
  readonly #locks: readonly QueueLock[];

  /** Remembers; nothing is sent before `acquire()`. @throws TypeError for a lock that is among them twice. */
  constructor(client: Client, locks: readonly QueueLock[]) {
    this.#client = client;
    this.#locks = locks.toSorted((a, b) => (a.serverPath < b.serverPath ? -1 : a.serverPath > b.serverPath ? 1 : 0));
    for (const [i, lock] of this.#locks.entries()) {
      const before = this.#locks[i - 1];
      if (before?.serverPath !== lock.serverPath || !before.isOfSameServer(lock)) continue;
      throw new TypeError(`MultiLock: ${lock.path} is among the locks twice; the second would wait for the first.`);
    }
  }

  /** Waits for all of them. @throws WaitTimeoutError, the signal's reason; none is held then. */
  async acquire(wait: WaitOptions = {}): Promise<MultiGrant> {
    const paths = this.#locks.map(({ path }) => path).join(", ");
    using limit = beginWait(this.#client, "The locks", paths, wait);
    for (;;) {
      const all = await this.#acquire(limit.signal);
      if (all?.held) return all;
      await all?.release();
    }
  }

  /** All of them if they are free now, otherwise `undefined` and none. */
  async tryAcquire(wait: WaitOptions = {}): Promise<MultiGrant | undefined> {
    const paths = this.#locks.map(({ path }) => path).join(", ");
    using limit = beginWait(this.#client, "The locks", paths, wait);
    const grants: LockGrant[] = [];
    try {
      for (const lock of this.#locks) {
        const grant = await lock.tryAcquire({ signal: limit.signal });
        if (grant !== undefined) grants.push(grant);
        else {
          await new MultiGrant(grants).release();
          return undefined;
        }
      }
      return new MultiGrant(grants);
    } catch (error) {
      for (const grant of grants) grant.abandon();
      throw error;
    }
  }

  /** Acquires all, runs `fn`, releases. Rejects with GrantLostError when one was lost on the way, even if `fn` resolved. */
  async withLock<T>(fn: (grant: MultiGrant) => T | Promise<T>, wait: WaitOptions = {}): Promise<T> {
    return await withGrant(await this.acquire(wait), fn);
  }

  /** `undefined`: one that was held already was lost while another was waited for. */
  async #acquire(signal: AbortSignal): Promise<MultiGrant | undefined> {
    const grants: LockGrant[] = [];
    try {
      for (const lock of this.#locks) {
        const either = AbortSignal.any([signal, ...grants.map((grant) => grant.signal)]);
        grants.push(await lock.acquire({ signal: either }));
      }
      return new MultiGrant(grants);
    } catch (error) {
      const isLost = grants.some(({ held }) => !held);
      for (const grant of grants) grant.abandon();
      if (isLost && !signal.aborted) return undefined;
      throw error;
    }
  }
}
