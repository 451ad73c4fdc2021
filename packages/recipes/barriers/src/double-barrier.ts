/**
 * Begin together and end together: nobody enters before enough have come, nobody has left before all have.
 *
 * ```ts
 * const barrier = new DoubleBarrier(client, "/barriers/reindex", { parties: 3 });
 * const inside = await barrier.enter({ timeoutMs: 60_000 }); // resolves when three have come
 * await reindex({ signal: inside.signal });
 * await inside.leave(); // resolves when the others have left as well
 * ```
 *
 * Znodes     <path>/_c_<guid>-party-<seq>: ephemeral, one per party; <path>/ready: persistent, while the barrier is open,
 *            and holds who is of the round. Every name but `ready` is a party, as Curator's DistributedDoubleBarrier and kazoo's DoubleBarrier have it
 * Invariant  the barrier opens at a zxid at which `parties` nodes are there. An enter whose reply was lost finds its node
 *            again, so each party counts once
 * Wake-up    who enters watches `ready`, and the last to come makes it; who leaves watches the lowest party, which goes
 *            last. Opening and emptying wake everybody, for they concern everybody
 * Suspended  a wait goes on; who is inside still is until `deadlineMs`
 * Lost       the node is gone. While entering: enters again, by itself. Inside: signal has aborted, the others may leave
 * Not given  an upper limit: more may enter than `parties`. A beginning at the same instant: a slow party hears of the
 *            opening when others are at work, or even (cancelled just then) never
 */
import type { Client } from "@corral/client";
import {
  beginWait,
  type Contender,
  childrenOrNone,
  contenders,
  insist,
  recipePath,
  type Ticket,
  takeTicket,
  type WaitOptions,
  WakeUp,
} from "@corral/recipe-kit";
import { decideEnter, partyNames, readyName } from "./decide-double.ts";
import { giveBackParty, Inside } from "./inside.ts";
import { checkParties } from "./parties.ts";
import { watchReady, writeReady } from "./ready.ts";

/** What stands before the sequence number of a party's node. */
const partyKind = "party-";

/** Of a double barrier. */
export interface DoubleBarrierOptions {
  /** How many must have entered before anybody goes on, 1 … 1000: the same for all of them. */
  readonly parties: number;
  /** Left in the node, for `explain()` and for people. Default: nothing. */
  readonly identity?: string | undefined;
}

/** A party as others see it. */
export interface PartyView extends Contender {
  /** What it gave as `identity`. */
  readonly identity: string;
}

/** A double barrier as people want to see it. */
export interface DoubleBarrierExplanation {
  /** Whether a ready node is there: the parties are at work, or leaving. */
  readonly isOpen: boolean;
  /** Those of this library, in the order in which they came. */
  readonly parties: readonly PartyView[];
  /** How many must still come, other libraries' parties counted, before it opens. */
  readonly missing: number;
}

/** A double barrier at one path; see the head of this file. */
export class DoubleBarrier {
  readonly path: string;
  readonly #client: Client;
  readonly #options: DoubleBarrierOptions;

  /** Remembers; nothing is sent before `enter()`. @throws RangeError for an impossible number of parties. */
  constructor(client: Client, path: string, options: DoubleBarrierOptions) {
    this.path = recipePath("DoubleBarrier", path);
    checkParties("DoubleBarrier", path, options.parties);
    this.#client = client;
    this.#options = options;
  }

  /**
   * Enters, and waits until enough have. Each call is a party of its own. Cancelled or timed out, it leaves nothing
   * behind; if the barrier opened at that moment, the others may have counted it.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async enter(wait: WaitOptions = {}): Promise<Inside> {
    const client = this.#client;
    using limit = beginWait(client, "The opening of", this.path, wait);
    const request = { parent: this.path, kind: partyKind, data: this.#options.identity ?? "" };
    for (;;) {
      const ticket = await takeTicket(client, request, limit.signal);
      try {
        if (!(await this.#waitUntilOpen(ticket, limit.signal))) continue;
      } catch (error) {
        this.#abandon(ticket);
        throw error;
      }
      const inside = new Inside(client, this.path, ticket);
      // Lost again before anybody knew: go on as if it had never been.
      if (inside.held) return inside;
      inside.abandon();
    }
  }

  /** Whether it is open, who is there, how many are missing. */
  async explain(wait: WaitOptions = {}): Promise<DoubleBarrierExplanation> {
    const client = this.#client;
    using limit = beginWait(client, "The explanation of", this.path, wait);
    const { signal } = limit;
    const look = async (): Promise<string[]> => {
      await client.sync(this.path, { signal });
      return await childrenOrNone(client, this.path, signal);
    };
    const names = await insist(client, look, signal);
    const parties = await contenders(client, this.path, [partyKind], signal);
    return {
      isOpen: names.includes(readyName),
      parties: parties.map((party) => ({ ...party, identity: party.data?.toString("utf8") ?? "" })),
      missing: Math.max(0, this.#options.parties - partyNames(names).length),
    };
  }

  /** `false`: the own node is gone, with its session or by somebody's hand. */
  async #waitUntilOpen(ticket: Ticket, signal: AbortSignal): Promise<boolean> {
    const client = this.#client;
    for (;;) {
      using wakeUp = new WakeUp(client);
      // Ready before the names: were it written after this look, the watch would tell.
      const ready = await watchReady(client, this.path, wakeUp, signal);
      const names = await insist(client, () => childrenOrNone(client, this.path, signal), signal);
      if (client.sessionId !== ticket.sessionId) return false;
      const view = { parties: partyNames(names), own: ticket.name, ready, needed: this.#options.parties };
      const decision = decideEnter(view);
      switch (decision.kind) {
        case "enter":
          return true;
        case "gone":
          return false;
        case "open": {
          const { members } = decision;
          await writeReady(client, this.path, ready, { members, present: members }, signal);
          break;
        }
        case "join": {
          const { members, via } = decision;
          await writeReady(client, this.path, ready, { members, present: [via, ticket.name] }, signal);
          break;
        }
        case "wait":
          await wakeUp.wait(signal);
      }
    }
  }

  /** In the background, for the connection may be down. */
  #abandon(ticket: Ticket): void {
    const { logger } = this.#client;
    giveBackParty(this.#client, this.path, ticket).catch((err: unknown) =>
      logger.warn({ err, path: ticket.path }, "a party's node could not be deleted; it goes with its session"),
    );
  }
}
