/**
 * Several locks as one: all of them or none.
 *
 * Acquired in the order of their paths, whatever order they are given in, so that two clients that want the same ones
 * cannot each hold what the other waits for. Given back in reverse; one that cannot be given back does not keep the rest.
 */
import type { Client } from "@corral/client";
import { beginWait, type Guard, type WaitOptions } from "@corral/recipe-kit";
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

  /** The conditions of all of them. */
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** Several locks taken together; see the head of this file. */
export class MultiLock {
  readonly #client: Client;
  readonly #locks: readonly QueueLock[];

  /** Remembers; nothing is sent before `acquire()`. */
  constructor(client: Client, locks: readonly QueueLock[]) {
    this.#client = client;
    this.#locks = [...locks].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }

  /** Waits for all of them. @throws WaitTimeoutError, the signal's reason; none is held then. */
  async acquire(wait: WaitOptions = {}): Promise<MultiGrant> {
    const paths = this.#locks.map(({ path }) => path).join(", ");
    using limit = beginWait(this.#client, "The locks", paths, wait);
    const grants: LockGrant[] = [];
    try {
      for (const lock of this.#locks) grants.push(await lock.acquire({ signal: limit.signal }));
      return new MultiGrant(grants);
    } catch (error) {
      for (const grant of grants) grant.abandon();
      throw error;
    }
  }

  /** All of them if they are free now, otherwise `undefined` and none. */
  async tryAcquire(): Promise<MultiGrant | undefined> {
    const grants: LockGrant[] = [];
    for (const lock of this.#locks) {
      const grant = await lock.tryAcquire();
      if (grant === undefined) {
        await new MultiGrant(grants).release();
        return undefined;
      }
      grants.push(grant);
    }
    return new MultiGrant(grants);
  }
}
