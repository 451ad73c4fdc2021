/** Who leads, from the names in the queue. Pure. */
import { type Decision, decideInTurn, placeInQueue, type QueueEntry, queueOrder } from "@corral/recipe-kit";

/** What stands before the sequence number: Curator's LeaderLatch has the same. */
export const latchKind = "latch-";

/** First come, first leads; everybody else waits for the one right before. */
export function decideFirstCome(names: readonly string[], own: string): Decision {
  return decideInTurn(names, [latchKind], own);
}

/** What a candidate with an order of preference does next. `claim`: nobody leads and nobody is preferred to us. */
export type PreferenceDecision =
  | { readonly kind: "claim" }
  | { readonly kind: "leads" }
  | { readonly kind: "wait"; readonly on: string };

/** Highest priority first, then first come. */
export function preferenceOrder(names: readonly string[]): QueueEntry[] {
  return queueOrder(names, [latchKind]).sort(
    (a, b) => priorityOf(b.name) - priorityOf(a.name) || a.sequence - b.sequence,
  );
}

/**
 * `leader` is the name that was last written down as leading. While it is there it leads, whoever else came: a better
 * candidate does not depose it. The best of the others waits for the leader, each of the rest for the one before it.
 *
 * A candidate without a priority knows nothing of this: it leads as soon as everybody who came before it has gone. So
 * whoever came after one waits until it has gone, whatever its own priority.
 */
export function decideByPreference(
  names: readonly string[],
  own: string,
  leader: string | undefined,
): PreferenceDecision {
  if (leader === own) return { kind: "leads" };
  const without = firstComeBefore(names, own);
  if (without !== undefined) return { kind: "wait", on: without };
  const leads = leader !== undefined && names.includes(leader);
  const others = preferenceOrder(names).filter(
    ({ name }) => name !== leader && hasPriority(name) && firstComeBefore(names, name) === undefined,
  );
  const before = others[placeInQueue(others, own) - 1];
  if (before !== undefined) return { kind: "wait", on: before.name };
  return leads ? { kind: "wait", on: leader } : { kind: "claim" };
}

/** The last candidate without a priority that came before `own`. */
function firstComeBefore(names: readonly string[], own: string): string | undefined {
  const order = queueOrder(names, [latchKind]);
  return order.slice(0, placeInQueue(order, own)).findLast(({ name }) => !hasPriority(name))?.name;
}

/** How leadership can be handed from `own`, which leads, to `to`. */
export type HandOverDecision =
  /** By writing it down. */
  | "record"
  /** By going: it is next in any case. */
  | "next"
  /** Not at all: it does not take part, or somebody without a priority would lead as well. */
  | "refuse";

/** See `HandOverDecision`. Nobody can come before `to` any more, so what is decided here stays true while it is there. */
export function decideHandOver(names: readonly string[], own: string, to: string): HandOverDecision {
  const order = queueOrder(names, [latchKind]);
  if (to === own || !order.some(({ name }) => name === to)) return "refuse";
  if (hasPriority(own) && hasPriority(to)) {
    // With us goes whoever has kept those without a priority waiting.
    return firstComeBefore(names, to) === undefined ? "record" : "refuse";
  }
  const isNext = !hasPriority(to) && placeInQueue(order, to) === 1 && placeInQueue(order, own) === 0;
  return isNext ? "next" : "refuse";
}

/** Who leads: whoever is written down, while it is there; otherwise, without priorities, the first that came. */
export function leaderName(names: readonly string[], recorded: string | undefined): string | undefined {
  if (recorded !== undefined && names.includes(recorded)) return recorded;
  const first = queueOrder(names, [latchKind])[0]?.name;
  // With priorities being first means nothing until it is written down.
  return first !== undefined && hasPriority(first) ? undefined : first;
}

function hasPriority(name: string): boolean {
  return /-p\d{4}-latch-/.test(name);
}

/** The mark of a priority in a candidate's name, before `latch-`. */
export function priorityMark(priority: number): string {
  return `p${String(priority).padStart(4, "0")}-`;
}

function priorityOf(name: string): number {
  return Number(/-p(\d{4})-latch-/.exec(name)?.[1] ?? 0);
}
