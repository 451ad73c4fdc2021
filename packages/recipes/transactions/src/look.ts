/** Looking at a transaction, and making its decision. */
import { type Client, isCoordinationError, type Watcher } from "@corral/client";
import { insist, isInterruption } from "@corral/recipe-kit";
import type { Decision, TransactionView, Vote } from "./decide.ts";
import type { Layout } from "./layout.ts";
import {
  decodeTransaction,
  decodeVote,
  encodeTransaction,
  type OutcomeRecord,
  reasonOf,
  type TransactionRecord,
  type VoteRecord,
} from "./records.ts";

/** What was seen of a transaction. */
export interface Sight {
  readonly record: TransactionRecord;
  readonly view: TransactionView;
  /** By participant, of those who have voted. Not read once the decision is made. */
  readonly votes: ReadonlyMap<string, VoteRecord>;
}

/** Where to look. */
export interface Looking {
  readonly client: Client;
  readonly layout: Layout;
  readonly id: string;
}

/**
 * Reads the transaction, and the votes if it is undecided, in this order: a vote that is gone by then is one of a
 * transaction that is decided by then. `undefined`: there is none.
 */
export async function look(
  { client, layout, id }: Looking,
  signal: AbortSignal,
  watch?: Watcher,
): Promise<Sight | undefined> {
  const record = await insist(client, () => readTransaction(client, layout.transaction(id), signal, watch), signal);
  if (record === undefined) return undefined;
  const { participants, outcome } = record;
  const votes = new Map<string, VoteRecord>();
  if (outcome === undefined) {
    await Promise.all(
      participants.map(async (name) => {
        const vote = await insist(client, () => readVote(client, layout.vote(id, name), signal), signal);
        if (vote !== undefined) votes.set(name, vote);
      }),
    );
  }
  const votesByName: Record<string, Vote> = Object.fromEntries([...votes].map(([name, { vote }]) => [name, vote]));
  return { record, votes, view: { participants, decision: outcome?.decision, votes: votesByName } };
}

/** The record at `path`; with its watch, if there is a node. */
async function readTransaction(
  client: Client,
  path: string,
  signal: AbortSignal,
  watch: Watcher | undefined,
): Promise<TransactionRecord | undefined> {
  try {
    const { data, stat } = await client.get(path, { signal, ...(watch && { watch }) });
    const record = decodeTransaction(data);
    if (stat.version > 0 && record.outcome === undefined) throw new Error("somebody else has written into it");
    return record;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw isCoordinationError(error) || signal.aborted ? error : new Error(`${path}: ${reasonOf(error)}`);
  }
}

/** The vote at `path`. What nobody can read counts as one to abort, for everybody who looks. */
export async function readVote(client: Client, path: string, signal: AbortSignal): Promise<VoteRecord | undefined> {
  let data: Buffer | null;
  try {
    data = (await client.get(path, { signal })).data;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
  try {
    return decodeVote(data);
  } catch (error) {
    return { vote: "abort", reason: `the vote cannot be read: ${reasonOf(error)}` };
  }
}

/** Why a decision follows from what was seen. */
export function outcomeOf(decision: Decision, { votes, record }: Sight, by: string): OutcomeRecord {
  if (decision === "commit") return { decision, by, reason: "everybody has voted for it" };
  const against = [...votes].find(([, { vote }]) => vote === "abort");
  if (against !== undefined) return { decision, by: against[0], reason: against[1].reason };
  const silent = record.participants.filter((name) => !votes.has(name));
  return { decision, by, reason: `no vote in ${record.voteTimeoutMs} ms from ${silent.join(", ")}` };
}

/**
 * Makes the decision, unless it is made. Whether it was this one, or another that came first, the next look tells; and so
 * it does if the reply is lost.
 */
export async function writeDecision(
  { client, layout, id }: Looking,
  record: TransactionRecord,
  outcome: OutcomeRecord,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.set(layout.transaction(id), encodeTransaction({ ...record, outcome }), { version: 0, signal });
  } catch (error) {
    const isMade = isCoordinationError(error, "BadVersion") || isCoordinationError(error, "NoNode");
    if (!isMade && !isInterruption(error)) throw error;
  }
}
