/** Who may enter and who may leave a double barrier, from what is there. Pure. */

/** Name of the node that says that the barrier is open. Every other name below the barrier's path is a party. */
export const readyName = "ready";

/** The names of the parties among the names below the barrier's path, lowest first: Curator's and kazoo's as well. */
export function partyNames(names: readonly string[]): string[] {
  return names.filter((name) => name !== readyName).sort();
}

/** What the ready node says. */
export interface Ready {
  /** The parties for which the barrier was opened; `undefined` if another library opened it, which does not tell. */
  readonly openedFor: readonly string[] | undefined;
}

/** What an entering party sees. */
export interface EnterView {
  readonly parties: readonly string[];
  readonly own: string;
  readonly ready: Ready | undefined;
  /** How many must have entered. */
  readonly needed: number;
}

/**
 * What an entering party does next. `enter`: the barrier is open. `open`: it can be opened for the parties that are
 * there. `gone`: the own node is not there any more.
 */
export type EnterDecision = "enter" | "open" | "wait" | "gone";

/**
 * The barrier is open for those it was opened for, and for latecomers while one of those is inside still. A ready node
 * that concerns nobody who is there is left over from an earlier round, of which the last party died.
 */
export function decideEnter({ parties, own, ready, needed }: EnterView): EnterDecision {
  if (!parties.includes(own)) return "gone";
  if (ready !== undefined && concerns(ready, parties, own)) return "enter";
  return parties.length >= needed ? "open" : "wait";
}

function concerns({ openedFor }: Ready, parties: readonly string[], own: string): boolean {
  if (openedFor === undefined) return parties.some((name) => name !== own);
  return openedFor.some((name) => parties.includes(name));
}

/** What a leaving party does next. `leave`: delete the own node. `done`: everybody has left. */
export type LeaveDecision =
  | { readonly kind: "leave" }
  | { readonly kind: "wait"; readonly on: string }
  | { readonly kind: "done" };

/**
 * `parties` are those of the round that are still there, lowest first. All but the lowest leave at once and wait for the
 * lowest, which is the last to go: one wake-up each, and the ready node goes with it.
 */
export function decideLeave(parties: readonly string[], own: string): LeaveDecision {
  const lowest = parties[0];
  const highest = parties.at(-1);
  if (lowest === undefined || highest === undefined) return { kind: "done" };
  if (lowest !== own) return parties.includes(own) ? { kind: "leave" } : { kind: "wait", on: lowest };
  return highest === own ? { kind: "leave" } : { kind: "wait", on: highest };
}
