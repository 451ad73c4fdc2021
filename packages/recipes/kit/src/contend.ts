/**
 * The contend loop: take a ticket, look at the queue, decide; wait for exactly one other node, and decide again at every
 * wake-up, for a watch is a hint and never a fact. What the tickets mean is the recipe's `decide`, a pure function.
 */
import { type Client, isCoordinationError, type WatchEvent } from "@corral/client";
import { insist } from "./insist.ts";
import { childrenOrNone, returnTicket, type Ticket, type TicketRequest, takeTicket } from "./ticket.ts";

/** What the queue says about one's own ticket. */
export type Decision =
  | { readonly kind: "granted" }
  /** Wait until the node of this name changes or goes. */
  | { readonly kind: "wait"; readonly on: string };

/** What is contended for, and by which rule. */
export interface Contest extends TicketRequest {
  /** Decides from the names in the queue, of which `own` is one. */
  readonly decide: (names: readonly string[], own: string) => Decision;
  /** Called with each ticket taken: a new one after a lost session. */
  readonly onTicket?: ((ticket: Ticket) => void) | undefined;
}

/**
 * Contends until granted; the ticket then stands for what was won. Rejects with the signal's reason when that aborts,
 * and leaves no ticket behind then, even if the connection is down at that moment.
 */
export async function contend(client: Client, contest: Contest, signal: AbortSignal): Promise<Ticket> {
  for (;;) {
    const ticket = await takeTicket(client, contest, signal);
    contest.onTicket?.(ticket);
    try {
      if (await waitForTurn(client, contest, ticket, signal)) return ticket;
    } catch (error) {
      abandon(client, ticket);
      throw error;
    }
  }
}

/** One look at the queue: the ticket if it is granted at once, otherwise nothing, and nothing left behind. */
export async function contendOnce(client: Client, contest: Contest, signal: AbortSignal): Promise<Ticket | undefined> {
  for (;;) {
    const ticket = await takeTicket(client, contest, signal);
    let decision: Decision | undefined;
    try {
      decision = await look(client, contest, ticket, signal);
    } catch (error) {
      abandon(client, ticket);
      throw error;
    }
    if (decision?.kind === "granted") return ticket;
    if (decision === undefined) continue;
    await returnTicket(client, ticket);
    return undefined;
  }
}

/** `true`: granted. `false`: the ticket is gone, with its session or by somebody's hand. */
async function waitForTurn(client: Client, contest: Contest, ticket: Ticket, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const decision = await look(client, contest, ticket, signal);
    if (decision === undefined) return false;
    if (decision.kind === "granted") return true;
    await insist(client, () => nodeChanges(client, `${contest.parent}/${decision.on}`, signal), signal);
  }
}

async function look(
  client: Client,
  contest: Contest,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<Decision | undefined> {
  const names = await insist(client, () => childrenOrNone(client, contest.parent, signal), signal);
  // Names outlive beliefs: a ticket of an older session may still be listed, but it is as good as gone.
  if (client.sessionId !== ticket.sessionId || !names.includes(ticket.name)) return undefined;
  return contest.decide(names, ticket.name);
}

/**
 * Resolves when the node changes or is gone, or the session ends. Reads it rather than asking whether it exists: a watch
 * on a node that is already gone would stay behind.
 */
export function nodeChanges(client: Client, path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const watcher = (_event: WatchEvent): void => finish(resolve);
    const onAbort = (): void => {
      client.unwatch(path, watcher);
      finish(() => reject(signal.reason));
    };
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    client.get(path, { watch: watcher, signal }).catch((error: unknown) => {
      if (isCoordinationError(error, "NoNode")) finish(resolve);
      else finish(() => reject(error));
    });
  });
}

function abandon(client: Client, ticket: Ticket): void {
  returnTicket(client, ticket).catch((err: unknown) =>
    client.logger.warn(
      { err, path: ticket.path },
      "an abandoned ticket could not be deleted; it goes with its session",
    ),
  );
}
