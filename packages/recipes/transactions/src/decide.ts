/**
 * What happens next with a transaction, from what has been read of it. Pure, and all that its safety rests on: whoever
 * looks writes only what this says, each write is conditional on what it follows from, and then looks again. Crashes,
 * lost replies and slow processes are nothing but other orders of the same looks and writes.
 */

/** What a participant says of its part: that it can be carried out whatever happens from now on, or that it cannot. */
export type Vote = "commit" | "abort";

/** What is done in the end, by all of them. */
export type Decision = "commit" | "abort";

/** A transaction as it was read. */
export interface TransactionView {
  readonly participants: readonly string[];
  /** Made once and for all; `undefined`: not yet. */
  readonly decision: Decision | undefined;
  /** Of those who have voted, by name. A vote never changes. */
  readonly votes: Readonly<Record<string, Vote>>;
}

/** What one life of a participant knows by itself of a transaction: gone when it dies. */
export interface Memory {
  /** What came of `prepare`. `idle`: not called; `running`: not known yet. */
  readonly prepared: "idle" | "running" | Vote;
  /** It has waited for the decision as long as it should. */
  readonly isOverdue: boolean;
  /** It has carried the decision out. */
  readonly isCarriedOut: boolean;
}

/** What a participant begins with, at its start and after every restart. */
export const blank: Memory = { prepared: "idle", isOverdue: false, isCarriedOut: false };

/** What a participant does next. */
export type Step =
  | { readonly kind: "prepare" }
  | { readonly kind: "vote"; readonly vote: Vote }
  /** Make the decision, unless it has been made. */
  | { readonly kind: "decide"; readonly decision: Decision }
  /** For the decision, for the time to be over, or for `prepare` to end. */
  | { readonly kind: "wait" }
  | { readonly kind: "carry out"; readonly decision: Decision }
  | { readonly kind: "acknowledge" };

/**
 * The decision that may be made now, by anybody who looks: commit once everybody has voted for it, abort once somebody
 * has voted for that, or once there has been time enough.
 */
export function decideOutcome(view: TransactionView, isOverdue: boolean): Decision | undefined {
  if (view.decision !== undefined) return undefined;
  const votes = view.participants.map((name) => view.votes[name]);
  if (votes.includes("abort")) return "abort";
  if (votes.every((vote) => vote === "commit")) return "commit";
  return isOverdue ? "abort" : undefined;
}

/** What the participant `own` does next. */
export function decideStep(view: TransactionView, own: string, memory: Memory): Step {
  if (view.decision !== undefined) {
    // What is being prepared must not be undone at the same time.
    if (memory.prepared === "running") return { kind: "wait" };
    return memory.isCarriedOut ? { kind: "acknowledge" } : { kind: "carry out", decision: view.decision };
  }
  const decision = decideOutcome(view, memory.isOverdue);
  if (decision !== undefined) return { kind: "decide", decision };
  if (view.votes[own] !== undefined || memory.prepared === "running") return { kind: "wait" };
  return memory.prepared === "idle" ? { kind: "prepare" } : { kind: "vote", vote: memory.prepared };
}
