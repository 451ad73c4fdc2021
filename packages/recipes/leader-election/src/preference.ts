/**
 * Winning by preference. The order is not that of arrival, so being first proves nothing: the winner writes its name into
 * the election's own node, with the version that it saw, in one transaction with a check of its own ticket. Of two that
 * try, one fails. Whoever is written there leads as long as its ticket exists.
 */
import { type Client, isCoordinationError } from "@corral/client";
import {
  abandonTicket,
  childrenOrNone,
  insist,
  nodeChanges,
  type Ticket,
  type TicketRequest,
  takeTicket,
} from "@corral/recipe-kit";
import { decideByPreference } from "./decide.ts";

/** A ticket that leads, and the zxid of the write that made it lead: the fencing token. */
export interface Won {
  readonly ticket: Ticket;
  readonly fencingToken: bigint;
}

/** Contends until it leads. Rejects with the signal's reason, leaving no ticket behind. */
export async function contendByPreference(client: Client, request: TicketRequest, signal: AbortSignal): Promise<Won> {
  for (;;) {
    const ticket = await takeTicket(client, request, signal);
    try {
      const fencingToken = await waitForTurn(client, request.parent, ticket, signal);
      if (fencingToken !== undefined) return { ticket, fencingToken };
    } catch (error) {
      abandonTicket(client, ticket);
      throw error;
    }
  }
}

/** `undefined`: the ticket is gone. */
async function waitForTurn(
  client: Client,
  parent: string,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  for (;;) {
    // The record first: a leader that is written down after this has a ticket that the list then shows, or had one.
    const record = await insist(client, () => client.get(parent, { signal }), signal);
    const names = await insist(client, () => childrenOrNone(client, parent, signal), signal);
    if (client.sessionId !== ticket.sessionId || !names.includes(ticket.name)) return undefined;
    const decision = decideByPreference(names, ticket.name, record.data?.toString("utf8"));
    switch (decision.kind) {
      case "leads":
        return record.stat.mzxid;
      case "wait":
        await insist(client, () => nodeChanges(client, `${parent}/${decision.on}`, signal), signal);
        break;
      case "claim":
        await claim(client, parent, ticket, record.stat.version, signal);
    }
  }
}

/** Whatever comes of it is seen at the next look. */
async function claim(
  client: Client,
  parent: string,
  ticket: Ticket,
  version: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.transaction().check(ticket.path).set(parent, ticket.name, { version }).commit({ signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!isCoordinationError(error)) throw error;
    const seenAtNextLook = [
      "BadVersion",
      "NoNode",
      "ConnectionLoss",
      "OperationTimeout",
      "SessionExpired",
      "SessionMoved",
    ];
    if (!seenAtNextLook.includes(error.code)) throw error;
  }
}
