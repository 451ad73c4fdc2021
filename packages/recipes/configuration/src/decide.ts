/** Whether a proposed change may become the configuration, from what its subscribers say of it. Pure. */
import type { Refusal } from "./errors.ts";
import type { SubscriberRecord } from "./records.ts";

/** A subscriber as it was read. */
export interface Subscriber extends SubscriberRecord {
  /** Of its node. */
  readonly name: string;
}

/** What matters of a proposal. */
export interface Proposed {
  readonly id: string;
  readonly canaries: readonly string[] | undefined;
}

/** How a proposal stands. */
export interface Standing {
  /** `accepted`: by everybody who is there. `refused`: by somebody, or a canary has left. */
  readonly verdict: "accepted" | "refused" | "waiting";
  /** Identities. */
  readonly accepted: readonly string[];
  readonly waitingFor: readonly string[];
  readonly refusals: readonly Refusal[];
  /** Canaries that run with it. */
  readonly trying: readonly string[];
  /** Canaries that do not yet. */
  readonly notTrying: readonly string[];
}

/**
 * How it stands. Everybody who is there must accept it. Who left is not asked any more; but a canary that left while it
 * tried the change out is the very thing to be warned by.
 */
export function judge(proposal: Proposed, subscribers: readonly Subscriber[]): Standing {
  const accepted: string[] = [];
  const waitingFor: string[] = [];
  const refusals: Refusal[] = [];
  for (const { identity, answer } of subscribers) {
    if (answer?.proposal !== proposal.id) waitingFor.push(identity);
    else if (answer.kind === "accepts") accepted.push(identity);
    else refusals.push({ identity, issues: answer.issues });
  }
  const trying: string[] = [];
  const notTrying: string[] = [];
  for (const name of proposal.canaries ?? []) {
    const canary = subscribers.find((one) => one.name === name);
    if (canary === undefined) {
      refusals.push({
        identity: name,
        issues: [{ path: [], message: "it has left while it was to try the change out" }],
      });
    } else if (canary.tries === proposal.id) trying.push(canary.identity);
    else notTrying.push(canary.identity);
  }
  const verdict = refusals.length > 0 ? "refused" : waitingFor.length > 0 ? "waiting" : "accepted";
  return { verdict, accepted, waitingFor, refusals, trying, notTrying };
}

/** Who is to try it out: so many percent of those who are there, at least one; others with every proposal. */
export function chooseCanaries(names: readonly string[], id: string, percent: number): string[] {
  const count = percent <= 0 ? 0 : Math.min(names.length, Math.max(1, Math.ceil((names.length * percent) / 100)));
  return [...names]
    .map((name) => ({ name, rank: hash(id + name) }))
    .sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name)
    .sort();
}

/** FNV-1a, and a last stir: names that differ in their last character only must not stand together. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
