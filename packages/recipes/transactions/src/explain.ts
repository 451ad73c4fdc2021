/** Why a transaction is not over: who has voted, who has carried out what, and who is there at all. For people. */
import type { Stat } from "@corral/client";
import { type Contender, childrenOrNone, contenders, insist } from "@corral/recipe-kit";
import type { Decision, Vote } from "./decide.ts";
import { type Looking, look, readVote } from "./look.ts";
import { servingKind } from "./serving-queue.ts";

/** A transaction as people want to see it. */
export interface TransactionExplanation {
  readonly id: string;
  readonly label: string;
  readonly decision: Decision | undefined;
  /** Who made the decision or is to blame for it; empty while there is none. */
  readonly by: string;
  readonly reason: string;
  /** Wall clock of the server, ms since 1970. */
  readonly beganMs: number;
  readonly decidedMs: number | undefined;
  readonly participants: readonly ExplainedParticipant[];
}

/** A participant of a transaction as people want to see it. */
export interface ExplainedParticipant {
  readonly name: string;
  /** `undefined`: none yet; or it is not known any more, because the decision has been carried out. */
  readonly vote: Vote | undefined;
  readonly hasCarriedOut: boolean;
  /** The processes that serve for it: the first does, the others stand by. */
  readonly servedBy: readonly Contender[];
}

/** A look at everything there is of it. */
export async function explainTransaction(
  looking: Looking,
  signal: AbortSignal,
): Promise<TransactionExplanation | undefined> {
  const { client, layout, id } = looking;
  const sight = await look(looking, signal);
  const path = layout.transaction(id);
  const stat: Stat | undefined = await insist(client, () => client.exists(path, { signal }), signal);
  if (sight === undefined || stat === undefined) return undefined;
  const { label, participants, outcome } = sight.record;
  const open = new Set(await insist(client, () => childrenOrNone(client, path, signal), signal));
  return {
    id,
    label,
    decision: outcome?.decision,
    by: outcome?.by ?? "",
    reason: outcome?.reason ?? "",
    beganMs: stat.ctimeMs,
    decidedMs: outcome && stat.mtimeMs,
    participants: await Promise.all(
      participants.map(async (name) => ({
        name,
        vote: (await insist(client, () => readVote(client, layout.vote(id, name), signal), signal))?.vote,
        hasCarriedOut: !open.has(name),
        servedBy: await contenders(client, layout.serving(name), [servingKind], signal),
      })),
    ),
  };
}
