/**
 * The contend loop: take a ticket, look at the queue, decide; wait for exactly one other node, and decide again at every
 * wake-up, for a watch is a hint and never a fact. What the tickets mean is the recipe's `decide`, a pure function.
 *
 * ```ts
 * const ticket = await contend(client, { parent: "/locks/a", kind: "lock-", data: identity, decide: decideMutex }, signal);
 * ```
 *
 * Znodes     <parent>/_c_<guid>-<kind><seq>: ephemeral sequential, see ticket.ts; <parent> is made if it is missing
 * Invariant  `decide` was last asked about names among which the own one was, of the present session
 * Wake-up    each contender watches the one node that `decide` names
 * Suspended  it waits on
 * Lost       the ticket is gone: it takes another, at the end of the queue
 * Not given  that what was granted is held a moment later: make a Grant of the ticket
 */
import { type Client, isCoordinationError } from "@corral/client";
import { insist } from "./insist.ts";
import { memberBefore } from "./queue-order.ts";
import {
  abandonTicket,
  childPath,
  childrenOrNone,
  returnTicket,
  type Ticket,
  type TicketInQueue,
  type TicketRequest,
  takeTicketInQueue,
} from "./ticket.ts";
import { WakeUp } from "./wake-up.ts";

/** What the queue says about one's own ticket. */
export type Decision =
  | { readonly kind: "granted" }
  /** Wait until the node of this name changes or goes. */
  | { readonly kind: "wait"; readonly on: string };

/** First come, first served, among the nodes of `kinds`; everybody else waits for the one right before. */
export function decideInTurn(names: readonly string[], kinds: readonly string[], own: string): Decision {
  const before = memberBefore(names, kinds, own);
  return before === undefined ? { kind: "granted" } : { kind: "wait", on: before };
}

/** What is contended for, and by which rule. */
export interface Contest extends TicketRequest {
  /** Decides from the names in the queue, of which `own` is one. */
  readonly decide: (names: readonly string[], own: string) => Decision;
  /**
   * Called with the data of a node before it is waited for, and whenever that changes. `true`: it changes what `decide`
   * would say, so look again instead of waiting.
   */
  readonly onWaitFor?: ((name: string, data: Buffer | null) => boolean) | undefined;
  /** Called with each ticket taken: a new one after a lost session. */
  readonly onTicket?: ((ticket: Ticket) => void) | undefined;
}

/**
 * Contends until granted; the ticket then stands for what was won. Rejects with the signal's reason when that aborts,
 * and leaves no ticket behind then, even if the connection is down at that moment.
 */
export async function contend(client: Client, contest: Contest, signal: AbortSignal): Promise<Ticket> {
  for (;;) {
    const taken = await takeTicketInQueue(client, contest, signal);
    const { ticket } = taken;
    contest.onTicket?.(ticket);
    try {
      if (await waitForTurn(client, contest, taken, signal)) return ticket;
    } catch (error) {
      abandonTicket(client, ticket);
      throw error;
    }
  }
}

/** One look at the queue: the ticket if it is granted at once, otherwise nothing, and nothing left behind. */
export async function contendOnce(client: Client, contest: Contest, signal: AbortSignal): Promise<Ticket | undefined> {
  for (;;) {
    const { ticket, names } = await takeTicketInQueue(client, contest, signal);
    let decision: Decision | undefined;
    try {
      decision = await look(client, contest, ticket, signal, names);
      while (decision?.kind === "wait" && (await isOvertaken(client, contest, decision.on, signal))) {
        decision = await look(client, contest, ticket, signal);
      }
    } catch (error) {
      abandonTicket(client, ticket);
      throw error;
    }
    if (decision?.kind === "granted") return ticket;
    if (decision === undefined) continue;
    await returnTicket(client, ticket);
    return undefined;
  }
}

/** Whether the node that would be waited for is gone, or says that it need not be waited for. */
async function isOvertaken(client: Client, contest: Contest, on: string, signal: AbortSignal): Promise<boolean> {
  const { onWaitFor } = contest;
  if (onWaitFor === undefined) return false;
  try {
    const { data } = await insist(client, () => client.get(childPath(contest.parent, on), { signal }), signal);
    return onWaitFor(on, data);
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return true;
    throw error;
  }
}

/** `true`: granted. `false`: the ticket is gone, with its session or by somebody's hand. */
async function waitForTurn(
  client: Client,
  contest: Contest,
  { ticket, names }: TicketInQueue,
  signal: AbortSignal,
): Promise<boolean> {
  for (let seen = names; ; seen = undefined) {
    const decision = await look(client, contest, ticket, signal, seen);
    if (decision === undefined) return false;
    if (decision.kind === "granted") return true;
    const { on } = decision;
    const lookAgain = (data: Buffer | null): boolean => contest.onWaitFor?.(on, data) ?? false;
    await insist(client, () => nodeChanges(client, childPath(contest.parent, on), signal, lookAgain), signal);
  }
}

/** `seen`: the names, where they have just been read. `undefined`: the ticket is gone. */
async function look(
  client: Client,
  contest: Contest,
  ticket: Ticket,
  signal: AbortSignal,
  seen?: readonly string[],
): Promise<Decision | undefined> {
  const names = seen ?? (await insist(client, () => childrenOrNone(client, contest.parent, signal), signal));
  // Names outlive beliefs: a ticket of an older session may still be listed, but it is as good as gone.
  if (client.sessionId !== ticket.sessionId || !names.includes(ticket.name)) return undefined;
  return contest.decide(names, ticket.name);
}

/**
 * Resolves when the node changes or is gone, or the session ends, or at once if `isOver` says so of its data. Reads it
 * rather than asking whether it exists: a watch on a node that is already gone would stay behind.
 */
export async function nodeChanges(
  client: Client,
  path: string,
  signal: AbortSignal,
  isOver: (data: Buffer | null) => boolean = () => false,
): Promise<void> {
  using wakeUp = new WakeUp(client);
  try {
    const { data } = await client.get(path, { watch: wakeUp.watch(path), signal });
    if (!isOver(data)) await wakeUp.wait(signal);
  } catch (error) {
    if (!isCoordinationError(error, "NoNode")) throw error;
  }
}
