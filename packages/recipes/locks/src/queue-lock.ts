/** What mutex and read/write lock are: a queue below a path, and a rule that says who of it holds. */
import { type Client, isCoordinationError } from "@corral/client";
import {
  abandonTicket,
  beginWait,
  type Contender,
  type Contest,
  contend,
  contenders,
  contendOnce,
  type Decision,
  insist,
  recipePath,
  returnTicket,
  type Ticket,
  type WaitOptions,
  withGrant,
} from "@corral/recipe-kit";
import { awaitLockDelay, markReleased } from "./lock-delay.ts";
import { LockGrant } from "./lock-grant.ts";
import { askedFor, marksOf } from "./marks.ts";

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
  /** Who of the queue, given in order of arrival, holds. */
  readonly holders: (queue: readonly ExplainedContender[]) => readonly ExplainedContender[];
  /** See `Contest.onWaitFor`. */
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
  /** What it gave as `identity`; empty once it is asked for the lock, for that is written in its place. */
  readonly identity: string;
  /** Whether somebody has asked it to give the lock up. */
  readonly isAskedFor: boolean;
}

/** With what its data says. */
export function explained(contender: Contender): ExplainedContender {
  const { identity, isAskedFor } = marksOf(contender.data);
  return { ...contender, identity, isAskedFor };
}

/** A lock by a rule on a queue. Made by Mutex and ReadWriteLock. */
export class QueueLock {
  /** The queue: every contender has a node below it. */
  readonly path: string;
  readonly #client: Client;
  readonly #rule: LockRule;
  readonly #options: LockOptions;

  constructor(client: Client, path: string, rule: LockRule, options: LockOptions) {
    this.path = recipePath("A lock", path);
    const { lockDelayMs = 0 } = options;
    if (!(typeof lockDelayMs === "number" && lockDelayMs >= 0)) {
      throw new RangeError(
        `The lock ${path}: lockDelayMs is ${lockDelayMs}; it must be a number of milliseconds, 0 or more.`,
      );
    }
    this.#client = client;
    this.#rule = rule;
    this.#options = options;
  }

  /** The path as the server has it: the same for two clients, whatever their namespaces. */
  get serverPath(): string {
    return this.#client.chroot + this.path;
  }

  /** Whether both are locks of one session, and so surely of one server. */
  isOfSameServer(other: QueueLock): boolean {
    return this.#client.sessionId === other.#client.sessionId;
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
      if (grant !== undefined) return grant;
    }
  }

  /**
   * The lock if nobody holds it or waits for it, otherwise `undefined`. It waits for nobody, but for a lock-delay: who
   * comes after a holder that was lost has it when that is over.
   */
  async tryAcquire(wait: WaitOptions = {}): Promise<LockGrant | undefined> {
    using limit = beginWait(this.#client, "The lock", this.path, wait);
    for (;;) {
      const ticket = await contendOnce(this.#client, this.#contest, limit.signal);
      if (ticket === undefined) return undefined;
      const grant = await this.#take(ticket, limit.signal);
      if (grant !== undefined) return grant;
    }
  }

  /**
   * Acquires, runs `fn`, releases. Rejects with GrantLostError when the lock was lost on the way, even if `fn` resolved.
   * `fn` gets the grant: its `signal` says when to stop, its `fencingToken` is for the resource.
   */
  async withLock<T>(fn: (grant: LockGrant) => T | Promise<T>, wait: WaitOptions = {}): Promise<T> {
    return await withGrant(await this.acquire(wait), fn);
  }

  /** Who holds the lock and who waits, since when, with which session, and when that would be over if they died. */
  async explain(wait: WaitOptions = {}): Promise<LockExplanation> {
    using limit = beginWait(this.#client, "The explanation of", this.path, wait);
    const { kinds, holders } = this.#rule;
    const queue = (await contenders(this.#client, this.path, kinds, limit.signal)).map(explained);
    const holding = new Set(holders(queue));
    return { holders: [...holding], waiters: queue.filter((contender) => !holding.has(contender)) };
  }

  /** Asks every present holder to give the lock up. They hear of it by `onRevoke`; none is forced. */
  async revoke(wait: WaitOptions = {}): Promise<void> {
    using limit = beginWait(this.#client, "The revocation of", this.path, wait);
    const { signal } = limit;
    const { holders } = await this.explain({ signal });
    await Promise.all(holders.map(({ path, data }) => this.#ask(path, askedFor(data), signal)));
  }

  /** Who has left meanwhile need not be asked. */
  async #ask(path: string, data: string, signal: AbortSignal): Promise<void> {
    try {
      await insist(this.#client, () => this.#client.set(path, data, { signal }), signal);
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
  }

  get #contest(): Contest {
    const { kind, decide, onWaitFor } = this.#rule;
    const { identity = "", lockDelayMs = 0 } = this.#options;
    // With a lock-delay the queue remembers who held it last.
    return { parent: this.path, container: lockDelayMs === 0, kind, decide, onWaitFor, data: identity };
  }

  /** The node of `held` as a grant of this lock. `held` ends without giving it back. @throws GrantLostError */
  takeOver(held: LockGrant): LockGrant {
    held.supersede();
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
    return new LockGrant(client, {
      ticket,
      whenSuspended,
      onRevoke,
      giveBack: async (loss) => {
        if (lockDelayMs > 0 && loss === undefined) await markReleased(client, this.path, ticket);
        await returnTicket(client, ticket);
      },
    });
  }

  /** `undefined`: lost again before anybody had it, which is as if it had never been. */
  async #take(ticket: Ticket, signal: AbortSignal): Promise<LockGrant | undefined> {
    const { lockDelayMs = 0 } = this.#options;
    if (lockDelayMs > 0) {
      try {
        if (!(await awaitLockDelay(this.#client, this.path, ticket, lockDelayMs, signal))) return undefined;
      } catch (error) {
        abandonTicket(this.#client, ticket);
        throw error;
      }
    }
    const grant = this.#grant(ticket);
    if (grant.held) return grant;
    await grant.release();
    return undefined;
  }
}
