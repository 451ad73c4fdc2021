/** Being inside a double barrier, until one leaves it. */
import { type Client, isCoordinationError } from "@corral/client";
import {
  beginWait,
  childrenOrNone,
  Grant,
  insist,
  nodeChanges,
  returnTicket,
  type Ticket,
  type WaitOptions,
} from "@corral/recipe-kit";
import { decideLeave, membersThere, partyNames, readyName } from "./decide-double.ts";
import { hasChangedMeanwhile, readReady } from "./ready.ts";

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
      giveBack: () => giveBackParty(client, parent, ticket),
    });
    this.#client = client;
    this.#parent = parent;
    this.#name = ticket.name;
  }

  /**
   * Leaves, and waits until everybody of this round has left who was there when the leaving began. Cancelled or timed out, it has left
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
    const list = () => insist(client, () => childrenOrNone(client, this.#parent, signal), signal);
    // Those of this round: whoever waits for the next one already must not be waited for.
    const ready = await insist(client, () => readReady(client, this.#parent, { signal }), signal);
    let round = membersThere(ready, partyNames(await list()));
    let isInside = true;
    for (;;) {
      if (isInside) this.throwIfLost();
      const decision = decideLeave(round, this.#name);
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
      const there = await list();
      round = round.filter((name) => there.includes(name));
    }
  }
}

/**
 * Gives up being a party, inside or before. With the last of a round goes the ready node. Of two that go at once each
 * would see the other and leave that to it: so who is not the last goes only if one of the others is still there.
 */
export async function giveBackParty(client: Client, parent: string, ticket: Ticket): Promise<void> {
  const attempt = async (): Promise<void> => {
    while (client.sessionId === ticket.sessionId) {
      const ready = await readReady(client, parent);
      const parties = partyNames(await childrenOrNone(client, parent));
      if (!parties.includes(ticket.name)) return;
      if (ready === undefined) return await returnTicket(client, ticket);
      const other = membersThere(ready, parties).find((name) => name !== ticket.name);
      const transaction = client.transaction().delete(ticket.path);
      try {
        if (other !== undefined) await transaction.check(`${parent}/${other}`).commit();
        else await transaction.delete(`${parent}/${readyName}`, { version: ready.stat.version }).commit();
        return;
      } catch (error) {
        if (!hasChangedMeanwhile(error)) throw error;
      }
    }
  };
  try {
    await insist(client, attempt);
  } catch (error) {
    // A closed client has ended its session, and the node with it.
    if (!isCoordinationError(error, "ClientClosed")) throw error;
  }
}
