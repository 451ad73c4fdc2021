/**
 * One leader at a time among the processes that take part.
 *
 * ```ts
 * const election = new Election(client, "/leader/scheduler", { identity: hostname() });
 * await election.lead(async ({ signal, fencingToken }) => {
 *   await runScheduler({ signal, fencingToken });
 * });
 * ```
 *
 * Znodes     <path>/_c_<guid>-latch-<seq>: ephemeral sequential, one per candidate, data = identity; as Curator's
 *            LeaderLatch. With priorities _c_<guid>-p<priority>-latch-<seq>, and <path> itself holds the leader's name
 * Invariant  at any zxid at most one live candidate leads: the first in the queue; with priorities the one written down,
 *            and whoever came before it without a priority has gone
 * Wake-up    each candidate watches one other node, and re-decides on every wake-up. Without priorities that is the one
 *            before it, so a departure wakes one; with them every candidate that was the best when it came watches the leader
 * Suspended  leadership holds until its deadline: nobody else can have been elected before. `whenSuspended: "abort"` ends
 *            it at once
 * Lost       somebody else may lead; signal has aborted; campaign again
 * Not given  that a paused former leader has stopped: check fencingToken at the resource, or guard() in the tree
 */
import { type Client, isCoordinationError } from "@corral/client";
import {
  beginWait,
  contend,
  contenders,
  insist,
  isGrantLostError,
  recipePath,
  returnTicket,
  type Ticket,
  type WaitOptions,
  withGrant,
} from "@corral/recipe-kit";
import type { Observable } from "rxjs";
import { decideFirstCome, latchKind, leaderName, preferenceOrder, priorityMark } from "./decide.ts";
import { Leadership } from "./leadership.ts";
import { type LeaderView, observeLeader } from "./observe-leader.ts";
import { nameOf } from "./paths.ts";
import { contendByPreference, type Won } from "./preference.ts";

/** How a process takes part. */
export interface ElectionOptions {
  /** By what the others know this candidate: left in its node. Default: nothing. */
  readonly identity?: string | undefined;
  /**
   * 0 … 9999: when leadership falls vacant, the highest priority gets it; a leader is not deposed. Default: none, first
   * come first leads. Where only some candidates give one, for example while it is being introduced, there still is one
   * leader at a time: whoever came after one without waits until that has gone. But tokens are not in order then.
   */
  readonly priority?: number | undefined;
  /** `hold` (default): a broken connection ends leadership at its deadline. `abort`: at once. */
  readonly whenSuspended?: "hold" | "abort" | undefined;
}

/** Somebody who takes part. */
export interface Participant {
  readonly identity: string;
  readonly leads: boolean;
  readonly path: string;
  readonly sessionId: bigint;
  /** Of that session, ms: when the process dies, it is gone about so long afterwards. `undefined`: another library's. */
  readonly sessionTimeoutMs: number | undefined;
  /** When it joined, wall clock of the server, ms since 1970. */
  readonly sinceMs: number;
}

/** An election as people want to see it. */
export interface ElectionExplanation {
  /** `undefined`: nobody does at this moment. */
  readonly leader: Participant | undefined;
  /** In the order in which they would lead. */
  readonly candidates: readonly Participant[];
}

/** An election at one path; see the head of this file. */
export class Election {
  readonly path: string;
  readonly #client: Client;
  readonly #options: ElectionOptions;

  /** Remembers; nothing is sent before `campaign()` or `lead()`. @throws RangeError for an impossible priority. */
  constructor(client: Client, path: string, options: ElectionOptions = {}) {
    this.path = recipePath("Election", path);
    const { priority } = options;
    if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 9_999)) {
      throw new RangeError(`Election ${path}: the priority is ${priority}; it must be a whole number from 0 to 9999.`);
    }
    this.#client = client;
    this.#options = options;
  }

  /** Who leads: the present state first, then every change. A broken connection is a value, not an error. */
  get leader$(): Observable<LeaderView> {
    return observeLeader(this.#client, this.path);
  }

  /**
   * Takes part until elected. Give leadership back with `release()`.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError; it does not take part any more then.
   */
  async campaign(wait: WaitOptions = {}): Promise<Leadership> {
    using limit = beginWait(this.#client, "Leadership of", this.path, wait);
    for (;;) {
      const won = await this.#contend(limit.signal);
      const leadership = this.#hold(won);
      if (leadership.held) return leadership;
      await leadership.release();
    }
  }

  /**
   * One tenure: campaigns, runs `fn`, resigns. Rejects with GrantLostError when leadership was lost before `fn` ended,
   * even if `fn` resolved.
   */
  async lead<T>(fn: (leadership: Leadership) => T | Promise<T>, wait: WaitOptions = {}): Promise<T> {
    return await withGrant(await this.campaign(wait), fn);
  }

  /**
   * One tenure after the other: campaigns, runs `fn`, resigns, and takes part again, also after leadership was lost. Ends
   * when `signal` aborts, as soon as `fn` has ended: end it by the same signal. Rejects with what `fn` rejects with.
   */
  async run(fn: (leadership: Leadership) => unknown, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      let leadership: Leadership;
      try {
        leadership = await this.campaign({ signal });
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      try {
        await withGrant(leadership, fn);
      } catch (error) {
        // Of another grant it is the function's own affair.
        if (!isGrantLostError(error) || error.path !== leadership.path) throw error;
      }
    }
  }

  /** Everybody who takes part, who leads first, then in the order in which they would. */
  async participants(wait: WaitOptions = {}): Promise<Participant[]> {
    using limit = beginWait(this.#client, "The participants of", this.path, wait);
    const { signal } = limit;
    const present = await contenders(this.#client, this.path, [latchKind], signal);
    const order = preferenceOrder(present.map(({ path }) => nameOf(path))).map(({ name }) => name);
    const leader = leaderName(order, await this.#recorded(signal));
    return present
      .map((c) => ({
        identity: c.data?.toString("utf8") ?? "",
        leads: nameOf(c.path) === leader,
        path: c.path,
        sessionId: c.sessionId,
        sessionTimeoutMs: c.sessionTimeoutMs,
        sinceMs: c.sinceMs,
      }))
      .sort(
        (a, b) => Number(b.leads) - Number(a.leads) || order.indexOf(nameOf(a.path)) - order.indexOf(nameOf(b.path)),
      );
  }

  /** Who leads and who would, since when, with which session, and when that would be over if they died. */
  async explain(wait: WaitOptions = {}): Promise<ElectionExplanation> {
    const all = await this.participants(wait);
    return { leader: all.find(({ leads }) => leads), candidates: all.filter(({ leads }) => !leads) };
  }

  /** The name that was last written down as leading; only with priorities is there one. */
  async #recorded(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { data } = await insist(this.#client, () => this.#client.get(this.path, { signal }), signal);
      return data?.toString("utf8");
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return undefined;
      throw error;
    }
  }

  async #contend(signal: AbortSignal): Promise<Won> {
    const { identity = "", priority } = this.#options;
    // What is written in it names a candidate that is there, so it may go with the last of them.
    const request = { parent: this.path, container: true, data: identity };
    if (priority !== undefined) {
      const kind = priorityMark(priority) + latchKind;
      return await contendByPreference(this.#client, { ...request, kind }, signal);
    }
    const contest = { ...request, kind: latchKind, decide: decideFirstCome };
    const ticket: Ticket = await contend(this.#client, contest, signal);
    return { ticket, fencingToken: ticket.czxid };
  }

  #hold({ ticket, fencingToken }: Won): Leadership {
    return new Leadership(this.#client, {
      path: ticket.path,
      sessionId: ticket.sessionId,
      fencingToken,
      whenSuspended: this.#options.whenSuspended,
      giveBack: () => returnTicket(this.#client, ticket),
    });
  }
}
