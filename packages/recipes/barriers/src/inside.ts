/** Being inside a double barrier, until one leaves it. */
import { type Client, isCoordinationError } from "@corral/client";
import {
  beginWait,
  childrenOrNone,
  type GivenBack,
  Grant,
  insist,
  nodeChanges,
  returnTicket,
  type Ticket,
  type WaitOptions,
} from "@corral/recipe-kit";
import { decideLeave, partyNames, readyName } from "./decide-double.ts";

/**
 * A party that has entered. `signal` aborts when it is, or may be, taken for gone; `guard()` makes writes to the tree
 * depend on being inside. Tokens tell parties apart; they do not order what the parties of one round do.
 */
export class Inside extends Grant {
  readonly #client: Client;
  readonly #parent: string;
  readonly #name: string;

  constructor(client: Client, parent: string, ticket: Ticket) {
    super(client, {
      path: ticket.path,
      sessionId: ticket.sessionId,
      fencingToken: ticket.czxid,
      giveBack: () => giveBack(client, parent, ticket),
    });
    this.#client = client;
    this.#parent = parent;
    this.#name = ticket.name;
  }

  /**
   * Leaves, and waits until everybody has left who was inside when the leaving began. Cancelled or timed out, it has left
   * all the same and just does not know of the others. `release()` leaves without waiting for them.
   * @throws GrantLostError when it was taken for gone before; WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async leave(wait: WaitOptions = {}): Promise<void> {
    this.throwIfLost();
    using limit = beginWait(this.#client, "Everybody's leaving of", this.#parent, wait);
    try {
      await this.#leave(limit.signal);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  async #leave(signal: AbortSignal): Promise<void> {
    const client = this.#client;
    let isInside = true;
    // Those of this round: whoever enters the next one already must not be waited for.
    let round: ReadonlySet<string> | undefined;
    for (;;) {
      if (isInside) this.throwIfLost();
      const there = partyNames(await insist(client, () => childrenOrNone(client, this.#parent, signal), signal));
      round ??= new Set(there);
      const decision = decideLeave(
        there.filter((name) => round?.has(name)),
        this.#name,
      );
      switch (decision.kind) {
        case "done":
          return;
        case "leave":
          isInside = false;
          await this.release();
          break;
        case "wait": {
          const { on } = decision;
          await insist(client, () => nodeChanges(client, `${this.#parent}/${on}`, signal), signal);
        }
      }
    }
  }
}

/** Deletes the own node; with the last party's goes the ready node, so that no later round takes it for its own. */
async function giveBack(client: Client, parent: string, ticket: Ticket): Promise<GivenBack> {
  let mayHaveDone = false;
  const deleteWithReady = async (): Promise<boolean> => {
    if (client.sessionId !== ticket.sessionId) return false;
    const parties = partyNames(await childrenOrNone(client, parent));
    if (!parties.includes(ticket.name)) return mayHaveDone;
    if (parties.length > 1) return false;
    try {
      await client.transaction().delete(ticket.path).delete(`${parent}/${readyName}`).commit();
      return true;
    } catch (error) {
      // It was not opened; or this is an earlier attempt's own doing.
      if (isCoordinationError(error, "NoNode")) return mayHaveDone;
      mayHaveDone = true;
      throw error;
    }
  };
  try {
    if (await insist(client, deleteWithReady)) return "given back";
  } catch (error) {
    if (!isCoordinationError(error, "ClientClosed")) throw error;
  }
  return await returnTicket(client, ticket);
}
