/** What mutex and read/write lock are: a queue below a path, and a rule that says who of it holds. */
import type { Client } from "@corral/client";
import {
  beginWait,
  type Contender,
  type Contest,
  contend,
  contenders,
  contendOnce,
  type Decision,
  returnTicket,
  type Ticket,
  type WaitOptions,
  withGrant,
} from "@corral/recipe-kit";
import { awaitLockDelay, markReleased } from "./lock-delay.ts";
import { LockGrant } from "./lock-grant.ts";
import { isRevocation, revocationMark } from "./revocation.ts";

/** How a lock behaves for this contender. */
export interface LockOptions {
  /** Left in the node, for `explain()` and for people. Default: nothing. */
  readonly identity?: string | undefined;
  /** `hold` (default): a broken connection ends the grant at its deadline. `abort`: at once. */
  readonly whenSuspended?: "hold" | "abort" | undefined;
  /**
   * When the holder before did not release the lock but lost it, wait so long before taking it, ms: time for a holder
   * that does not know yet to stop. Every contender must give the same. Default 0.
   */
  readonly lockDelayMs?: number | undefined;
  /** Called when somebody asks this holder to give the lock up; whether it does is its own decision. */
  readonly onRevoke?: ((grant: LockGrant) => void) | undefined;
}

/** What a kind of lock is made of. */
export interface LockRule {
  /** What stands before the sequence number in this contender's nodes. */
  readonly kind: string;
  /** Every kind of node that is in the queue. */
  readonly kinds: readonly string[];
  readonly decide: (names: readonly string[], own: string) => Decision;
  /** See `Contest.onWaitFor`. Made anew for each acquisition. */
  readonly onWaitFor?: ((name: string, data: Buffer | null) => boolean) | undefined;
}

/** A lock's queue as people want to see it. */
export interface LockExplanation {
  readonly holders: readonly ExplainedContender[];
  /** In the order in which they will get it. */
  readonly waiters: readonly ExplainedContender[];
}

/** Somebody in the queue. */
export interface ExplainedContender extends Contender {
  /** What it gave as `identity`. */
  readonly identity: string;
}

/** With its identity as text. */
export function explained(contender: Contender): ExplainedContender {
  return { ...contender, identity: contender.data?.toString("utf8") ?? "" };
}

/** A lock by a rule on a queue. Made by Mutex and ReadWriteLock. */
export class QueueLock {
  /** The queue: every contender has a node below it. */
  readonly path: string;
  readonly #client: Client;
  readonly #rule: LockRule;
  readonly #options: LockOptions;

  constructor(client: Client, path: string, rule: LockRule, options: LockOptions) {
    this.#client = client;
    this.path = path;
    this.#rule = rule;
    this.#options = options;
  }

  /**
   * Waits for the lock. Cancelled or timed out, it leaves nothing behind.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async acquire(wait: WaitOptions = {}): Promise<LockGrant> {
    using limit = beginWait(this.#client, "The lock", this.path, wait);
    for (;;) {
      const ticket = await contend(this.#client, this.#contest, limit.signal);
      const grant = await this.#take(ticket, limit.signal);
      // Lost again before anybody had it: go on as if it had never been.
      if (grant.held) return grant;
      await grant.release();
    }
  }

  /** The lock if nobody holds it or waits for it, otherwise `undefined`. */
  async tryAcquire(wait: WaitOptions = {}): Promise<LockGrant | undefined> {
    using limit = beginWait(this.#client, "The lock", this.path, wait);
    const ticket = await contendOnce(this.#client, this.#contest, limit.signal);
    return ticket && (await this.#take(ticket, limit.signal));
  }

  /**
   * Acquires, runs `fn`, releases. Rejects with GrantLostError when the lock was lost on the way, even if `fn` resolved.
   * `fn` gets the grant: its `signal` says when to stop, its `fencingToken` is for the resource.
   */
  async withLock<T>(fn: (grant: LockGrant) => T | Promise<T>, wait: WaitOptions = {}): Promise<T> {
    return await withGrant(await this.acquire(wait), fn);
  }

  /** Who holds the lock and who waits, since when, with which session, and when that would be over if they died. */
  async explain(): Promise<LockExplanation> {
    const { kinds, decide } = this.#rule;
    const queue = (await contenders(this.#client, this.path, kinds)).map(explained);
    const names = queue.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
    const holds = (index: number): boolean => decide(names, names[index] ?? "").kind === "granted";
    return {
      holders: queue.filter((_, index) => holds(index)),
      waiters: queue.filter((_, index) => !holds(index)),
    };
  }

  /** Asks every present holder to give the lock up. They hear of it by `onRevoke`; none is forced. */
  async revoke(): Promise<void> {
    const { holders } = await this.explain();
    await Promise.all(holders.map(({ path }) => this.#client.set(path, revocationMark)));
  }

  get #contest(): Contest {
    const { kind, decide, onWaitFor } = this.#rule;
    return { parent: this.path, kind, decide, onWaitFor, data: this.#options.identity ?? "" };
  }

  /** The node of `held` as a grant of this lock. `held` ends without giving it back. @throws GrantLostError */
  takeOver(held: LockGrant): LockGrant {
    held.handOver();
    return this.#grant({
      path: held.path,
      name: held.path.slice(held.path.lastIndexOf("/") + 1),
      czxid: held.fencingToken,
      sessionId: held.sessionId,
    });
  }

  #grant(ticket: Ticket): LockGrant {
    const { lockDelayMs = 0, whenSuspended, onRevoke } = this.#options;
    const client = this.#client;
    const grant: LockGrant = new LockGrant(client, {
      path: ticket.path,
      sessionId: ticket.sessionId,
      fencingToken: ticket.czxid,
      whenSuspended,
      giveBack: async () => {
        if (lockDelayMs > 0) await markReleased(client, this.path, ticket);
        return await returnTicket(client, ticket);
      },
      onData: (data) => {
        if (isRevocation(data)) onRevoke?.(grant);
      },
    });
    return grant;
  }

  async #take(ticket: Ticket, signal: AbortSignal): Promise<LockGrant> {
    const { lockDelayMs = 0 } = this.#options;
    const grant = this.#grant(ticket);
    if (lockDelayMs > 0) {
      try {
        await awaitLockDelay(this.#client, this.path, ticket, lockDelayMs, signal);
      } catch (error) {
        grant.abandon();
        throw error;
      }
    }
    return grant;
  }
}
