/** When a phase is complete, from the arrivals. Pure. */
import { queueOrder } from "@corral/recipe-kit";

/** What stands before the sequence number of an arrival at a phase. */
export function arrivalKind(phase: number): string {
  return `p${phase}-arrival-`;
}

/** What an arrived party sees. */
export interface PhaseView {
  /** The phase that is under way. */
  readonly current: number;
  /** The phase at which the party has arrived. */
  readonly phase: number;
  /** Every name below the barrier's path. */
  readonly names: readonly string[];
  readonly own: string;
  /** How many must arrive. */
  readonly needed: number;
}

/**
 * What an arrived party does next. `advance`: everybody is there; the phase can be completed while these are. `gone`: the
 * own node is not there any more.
 */
export type PhaseDecision =
  | { readonly kind: "passed" }
  | { readonly kind: "gone" }
  | { readonly kind: "advance"; readonly arrived: readonly string[] }
  | { readonly kind: "wait" };

/** Only arrivals at this phase count, the first that came first: what is left of an earlier one counts for nothing. */
export function decidePhase({ current, phase, names, own, needed }: PhaseView): PhaseDecision {
  if (current > phase) return { kind: "passed" };
  if (!names.includes(own)) return { kind: "gone" };
  const arrived = queueOrder(names, [arrivalKind(phase)]).map(({ name }) => name);
  return arrived.length >= needed ? { kind: "advance", arrived: arrived.slice(0, needed) } : { kind: "wait" };
}

/**
 * The number that the barrier's node holds; an empty one has not seen a phase yet. `undefined`: it holds something else, so
 * it is somebody else's.
 */
export function decodePhase(data: Uint8Array | null): number | undefined {
  const text = data === null ? "" : Buffer.from(data).toString("utf8");
  if (text === "") return 0;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
