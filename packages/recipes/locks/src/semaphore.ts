/**
 * At most so many holders at a time, first come, first served.
 *
 * ```ts
 * const permits = new Semaphore(client, "/limits/reports", { limit: 3 });
 * await permits.withLease(({ signal }) => makeReport({ signal }), { timeoutMs: 60_000 });
 * ```
 *
 * Znodes     <path>/leases/_c_<guid>-lease-<seq>: one per lease; <path>/locks/…: a mutex under which leases are taken. As
 *            Curator's InterProcessSemaphoreV2 has them
 * Invariant  at any zxid at most `limit` leases are held; of those that exist only the mutex's holder's may wait
 * Wake-up    only the mutex's holder watches the leases (no herd); the others wait in the mutex's queue
 * Suspended, Lost  as Mutex has it; each lease is lost on its own
 * Tokens     each lease's token is its own; leases held together do not order what their holders do
 * Not given  that a paused former holder has stopped; a limit that shrinks takes no lease from its holder
 */
import { type Client, isCoordinationError } from "@corral/client";
import {
  abandonTicket,
  beginWait,
  childPath,
  childrenOrNone,
  contenders,
  Grant,
  insist,
  queueOrder,
  recipePath,
  returnTicket,
  type Ticket,
  takeTicket,
  until,
  type WaitOptions,
  WakeUp,
  withGrant,
} from "@corral/recipe-kit";
import { Mutex } from "./mutex.ts";
import { type ExplainedContender, explained, type LockExplanation } from "./queue-lock.ts";

/** How many may hold, and how this contender does. */
export interface SemaphoreOptions {
  /**
   * A number, the same for every contender; or `{ path }` of a node that holds it (four bytes, big-endian, as Curator's
   * SharedCount writes it), so that it can be changed for all.
   */
  readonly limit: number | { readonly path: string };
  /** Left in the node, for `explain()` and for people. Default: nothing. */
  readonly identity?: string | undefined;
  /** `hold` (default): a broken connection ends a lease at its deadline. `abort`: at once. */
  readonly whenSuspended?: "hold" | "abort" | undefined;
}

const leaseKind = "lease-";

/** Whether the lease `own` is held, among those that exist. Pure: it must be one of the first `limit`. */
export function decideLease(names: readonly string[], own: string, limit: number): boolean {
  const place = queueOrder(names, [leaseKind]).findIndex(({ name }) => name === own);
  return place >= 0 && place < limit;
}

/** A number of leases shared by all; see the head of this file. */
export class Semaphore {
  readonly path: string;
  readonly #client: Client;
  readonly #options: SemaphoreOptions;
  readonly #mutex: Mutex;

  /** Remembers; nothing is sent before `acquire()`. @throws RangeError for an impossible limit. */
  constructor(client: Client, path: string, options: SemaphoreOptions) {
    this.path = recipePath("Semaphore", path);
    const { limit, identity } = options;
    if (!isLimit(limit)) {
      const found = typeof limit === "number" ? limit : JSON.stringify(limit);
      throw new RangeError(
        `Semaphore ${path}: the limit is ${found}; it must be a whole number, at least 1, or { path } of a node that holds it.`,
      );
    }
    this.#client = client;
    this.#options = options;
    this.#mutex = new Mutex(client, childPath(path, "locks"), { identity });
  }

  /**
   * Waits for a lease. Cancelled or timed out, it leaves nothing behind.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async acquire(wait: WaitOptions = {}): Promise<Grant> {
    using limit = beginWait(this.#client, "A lease of", this.path, wait);
    const [grant] = await this.#acquire(1, limit.signal);
    // One was asked for.
    return grant as Grant;
  }

  /** A lease if one is free and nobody waits, otherwise `undefined`. */
  async tryAcquire(wait: WaitOptions = {}): Promise<Grant | undefined> {
    using limit = beginWait(this.#client, "A lease of", this.path, wait);
    const turn = await this.#mutex.tryAcquire({ signal: limit.signal });
    if (turn === undefined) return undefined;
    let ticket: Ticket | undefined;
    try {
      ticket = await this.#takeLease(limit.signal);
      const names = await insist(this.#client, () => childrenOrNone(this.#client, this.#leases, limit.signal));
      const isFree = decideLease(names, ticket.name, await this.#readLimit(limit.signal));
      if (isFree) return this.#hold(ticket);
      await returnTicket(this.#client, ticket);
      return undefined;
    } catch (error) {
      if (ticket !== undefined) abandonTicket(this.#client, ticket);
      throw error;
    } finally {
      turn.abandon();
    }
  }

  /**
   * Several leases, all or none. They are waited for in one turn, so two that want several never each hold what the
   * other waits for. More than a shared limit allows are waited for until it does.
   * @throws RangeError for more than the fixed limit; otherwise as `acquire`
   */
  async acquireMany(count: number, wait: WaitOptions = {}): Promise<Grant[]> {
    const { limit } = this.#options;
    const most = typeof limit === "number" ? limit : Number.MAX_SAFE_INTEGER;
    if (!(Number.isInteger(count) && count >= 0 && count <= most)) {
      throw new RangeError(`Semaphore ${this.path}: ${count} leases; it must be a whole number from 0 to ${most}.`);
    }
    if (count === 0) return [];
    using waiting = beginWait(this.#client, `${count} leases of`, this.path, wait);
    return await this.#acquire(count, waiting.signal);
  }

  /** Acquires, runs `fn`, releases. Rejects with GrantLostError when the lease was lost on the way, even if `fn` resolved. */
  async withLease<T>(fn: (grant: Grant) => T | Promise<T>, wait: WaitOptions = {}): Promise<T> {
    return await withGrant(await this.acquire(wait), fn);
  }

  /** Who has a lease and who waits for one, since when, with which session, and when that would be over if they died. */
  async explain(wait: WaitOptions = {}): Promise<LockExplanation> {
    using limit = beginWait(this.#client, "The explanation of", this.path, wait);
    const { signal } = limit;
    const queue = await this.#mutex.explain({ signal });
    const leases = (await contenders(this.#client, this.#leases, [leaseKind], signal)).map(explained);
    const most = await this.#readLimit(signal);
    // Beyond the limit is the one whose turn it is, or, since the limit was lowered, somebody who has had it before.
    const turns = new Set([...queue.holders, ...queue.waiters].map(({ sessionId }) => sessionId));
    const isHeld = ({ sessionId }: ExplainedContender, i: number): boolean =>
      i < most || i < leases.length - 1 || !turns.has(sessionId);
    return { holders: leases.filter(isHeld), waiters: [...queue.holders, ...queue.waiters] };
  }

  /** The mutex is only for standing first in line: it is given back as soon as the leases are held. */
  async #acquire(count: number, signal: AbortSignal): Promise<Grant[]> {
    for (;;) {
      const turn = await this.#mutex.acquire({ signal });
      const grants: Grant[] = [];
      try {
        while (grants.length < count) {
          const ticket = await this.#takeLease(signal);
          if (!(await this.#waitForRoom(ticket, signal))) break;
          grants.push(this.#hold(ticket));
        }
        if (grants.length === count && grants.every(({ held }) => held)) {
          // Whoever only tries must not find somebody's turn where nobody waits.
          await until(turn.release(), signal);
          return grants;
        }
      } catch (error) {
        for (const grant of grants) grant.abandon();
        throw error;
      } finally {
        turn.abandon();
      }
      // Lost with the session before anybody had them: go on as if they had never been.
      for (const grant of grants) grant.abandon();
    }
  }

  get #leases(): string {
    return childPath(this.path, "leases");
  }

  #takeLease(signal: AbortSignal): Promise<Ticket> {
    const data = this.#options.identity ?? "";
    return takeTicket(this.#client, { parent: this.#leases, container: true, kind: leaseKind, data }, signal);
  }

  /** `false`: the lease is gone, with its session. */
  async #waitForRoom(ticket: Ticket, signal: AbortSignal): Promise<boolean> {
    const client = this.#client;
    try {
      for (;;) {
        using wakeUp = new WakeUp(client);
        const names = await insist(
          client,
          () => client.children(this.#leases, { watch: wakeUp.watch(this.#leases), signal }),
          signal,
        );
        if (client.sessionId !== ticket.sessionId || !names.includes(ticket.name)) return false;
        if (decideLease(names, ticket.name, await this.#readLimit(signal, wakeUp))) return true;
        await wakeUp.wait(signal);
      }
    } catch (error) {
      abandonTicket(client, ticket);
      throw error;
    }
  }

  async #readLimit(signal: AbortSignal, wakeUp?: WakeUp): Promise<number> {
    const { limit } = this.#options;
    if (typeof limit === "number") return limit;
    const watch = wakeUp && { watch: wakeUp.watch(limit.path) };
    try {
      const { data } = await insist(this.#client, () => this.#client.get(limit.path, { ...watch, signal }), signal);
      return data !== null && data.length === 4 ? data.readInt32BE() : 0;
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
      // No limit has been set yet: nobody may pass until there is one. One that has come meanwhile is read.
      const stat = await insist(this.#client, () => this.#client.exists(limit.path, { ...watch, signal }), signal);
      return stat === undefined ? 0 : await this.#readLimit(signal, wakeUp);
    }
  }

  #hold(ticket: Ticket): Grant {
    return new Grant(this.#client, {
      path: ticket.path,
      sessionId: ticket.sessionId,
      fencingToken: ticket.czxid,
      whenSuspended: this.#options.whenSuspended,
      giveBack: () => returnTicket(this.#client, ticket),
    });
  }
}

function isLimit(limit: SemaphoreOptions["limit"]): boolean {
  return typeof limit === "number" ? Number.isInteger(limit) && limit >= 1 : typeof limit?.path === "string";
}

/** The bytes of a limit node. */
export function encodeLimit(limit: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(limit);
  return bytes;
}
