/** Who may enter and who may leave a double barrier, from what is there. Pure. */

/** Name of the node that says that the barrier is open. Every other name below the barrier's path is a party. */
export const readyName = "ready";

/** The names of the parties among the names below the barrier's path, lowest first: Curator's and kazoo's as well. */
export function partyNames(names: readonly string[]): string[] {
  return names.filter((name) => name !== readyName).sort();
}

/** What the ready node says. */
export interface Ready {
  /**
   * Those of this round: the parties for which the barrier was opened, and latecomers that were let in. `undefined`:
   * another library opened it, which does not tell.
   */
  readonly members: readonly string[] | undefined;
}

/** What an entering party sees. */
export interface EnterView {
  readonly parties: readonly string[];
  readonly own: string;
  readonly ready: Ready | undefined;
  /** How many must have entered. */
  readonly needed: number;
}

/** What an entering party does next. */
export type EnterDecision =
  /** It is one of the round. */
  | { readonly kind: "enter" }
  /** The barrier is open, and `via` is inside: become one of the round while it is. */
  | { readonly kind: "join"; readonly via: string; readonly members: readonly string[] }
  /** Enough are there: open the barrier for them. */
  | { readonly kind: "open"; readonly members: readonly string[] }
  | { readonly kind: "wait" }
  /** The own node is not there any more. */
  | { readonly kind: "gone" };

/**
 * The barrier is open for those of the round, and a latecomer can join while one of them is inside. A ready node of which
 * nobody is there any more is left over from an earlier round, and counts for nothing.
 */
export function decideEnter({ parties, own, ready, needed }: EnterView): EnterDecision {
  if (!parties.includes(own)) return { kind: "gone" };
  if (ready !== undefined && ready.members === undefined) {
    if (parties.some((name) => name !== own)) return { kind: "enter" };
  } else if (ready?.members !== undefined) {
    if (ready.members.includes(own)) return { kind: "enter" };
    const inside = membersThere(ready, parties);
    const via = inside[0];
    if (via !== undefined) return { kind: "join", via, members: [...inside, own] };
  }
  return parties.length >= needed ? { kind: "open", members: parties } : { kind: "wait" };
}

/**
 * Who of the round is still there, lowest first. Without a round that is known, everybody is of it. Who waits to enter is
 * not, and must not be waited for by those who leave: it may be waiting for the next round.
 */
export function membersThere(ready: Ready | undefined, parties: readonly string[]): string[] {
  const { members } = ready ?? {};
  return members === undefined ? [...parties] : parties.filter((name) => members.includes(name));
}

/** What a leaving party does next. `leave`: delete the own node. `done`: everybody has left. */
export type LeaveDecision =
  | { readonly kind: "leave" }
  | { readonly kind: "wait"; readonly on: string }
  | { readonly kind: "done" };

/**
 * `members` are those of the round that are still there, lowest first. All but the lowest leave at once and wait for the
 * lowest, which is the last to go: one wake-up each, and the ready node goes with it.
 */
export function decideLeave(members: readonly string[], own: string): LeaveDecision {
  const lowest = members[0];
  const highest = members.at(-1);
  if (lowest === undefined || highest === undefined) return { kind: "done" };
  if (lowest !== own) return members.includes(own) ? { kind: "leave" } : { kind: "wait", on: lowest };
  return highest === own ? { kind: "leave" } : { kind: "wait", on: highest };
}
