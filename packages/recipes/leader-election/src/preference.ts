/**
 * Winning by preference. The order is not that of arrival, so being first proves nothing: the winner writes its name into
 * the election's own node, with the version that it saw, in one transaction with a check of its own ticket. Of two that
 * try, one fails. Whoever is written there leads as long as its ticket exists.
 */
import { type Client, isCoordinationError, type NodeData, type WatchOptions } from "@corral/client";
import {
  abandonTicket,
  childPath,
  childrenOrNone,
  insist,
  type Ticket,
  type TicketRequest,
  takeTicket,
  WakeUp,
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
    using wakeUp = new WakeUp(client);
    const read = (path: string, watch = {}) => getOrNone(client, path, { ...watch, signal });
    // The own node before the record: a leader that hands over writes to both, and is heard of by one or the other.
    const own = await read(ticket.path, { watch: wakeUp.watch(ticket.path) });
    // The record before the list: a leader that is written down after this has a ticket that the list then shows, or had.
    const record = await read(parent);
    const names = await insist(client, () => childrenOrNone(client, parent, signal), signal);
    if (client.sessionId !== ticket.sessionId || !names.includes(ticket.name)) return undefined;
    if (own === undefined || record === undefined) continue;
    const decision = decideByPreference(names, ticket.name, record.data?.toString("utf8"));
    switch (decision.kind) {
      case "leads":
        return record.stat.mzxid;
      case "wait": {
        const on = childPath(parent, decision.on);
        if ((await read(on, { watch: wakeUp.watch(on) })) !== undefined) await wakeUp.wait(signal);
        break;
      }
      case "claim":
        await claim(client, parent, ticket, record.stat.version, signal);
    }
  }
}

async function getOrNone(client: Client, path: string, options: WatchOptions): Promise<NodeData | undefined> {
  try {
    return await insist(client, () => client.get(path, options), options.signal);
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
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
