/** What stands in the nodes: MessagePack, with a version of the format. Pure but for the codec. */
import { msgpack } from "@corral/client";
import type { Decision, Vote } from "./decide.ts";
import { limits } from "./limits.ts";

const format = 1;

/** What a transaction's node says. */
export interface TransactionRecord {
  readonly participants: readonly string[];
  /** From when somebody first sees the transaction to when that one gives up waiting for votes, ms. */
  readonly voteTimeoutMs: number;
  /** For people. */
  readonly label: string;
  readonly outcome: OutcomeRecord | undefined;
}

/** A decision, and why. */
export interface OutcomeRecord {
  readonly decision: Decision;
  /** Whoever wrote it: a participant's name, or what the coordinator goes by. */
  readonly by: string;
  readonly reason: string;
}

/** What a participant's node says once it has voted. */
export interface VoteRecord {
  readonly vote: Vote;
  readonly reason: string;
}

/** The bytes of a transaction. */
export function encodeTransaction({ outcome, ...record }: TransactionRecord): Uint8Array {
  return pack({ format, ...record, ...outcome });
}

/** The bytes of a vote. */
export function encodeVote(record: VoteRecord): Uint8Array {
  return pack({ format, ...record });
}

/** The transaction in `data`. @throws Error if there is none in it. */
export function decodeTransaction(data: Uint8Array | null): TransactionRecord {
  const { participants, voteTimeoutMs, label, decision, by, reason } = unpack(data);
  const isList = Array.isArray(participants) && participants.every((name) => typeof name === "string");
  if (!isList || typeof voteTimeoutMs !== "number") throw new Error("it is no transaction");
  const outcome = isDecision(decision) ? { decision, by: text(by), reason: text(reason) } : undefined;
  return { participants: participants as string[], voteTimeoutMs, label: text(label), outcome };
}

/** The vote in `data`; `undefined`: none yet. @throws Error if it is something else. */
export function decodeVote(data: Uint8Array | null): VoteRecord | undefined {
  if (data === null || data.length === 0) return undefined;
  const { vote, reason } = unpack(data);
  if (!isDecision(vote)) throw new Error("it is no vote");
  return { vote, reason: text(reason) };
}

/** A reason that fits: that of an error is its message. */
export function reasonOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).slice(0, limits.reasonLength);
}

/** Of what a newer version has written nothing is guessed. */
function unpack(data: Uint8Array | null): Record<string, unknown> {
  const value = msgpack.decode(data);
  if (typeof value !== "object" || value === null) throw new Error("it is no record");
  const record = value as Record<string, unknown>;
  if (record.format !== format) throw new Error(`it is of format ${String(record.format)}, not ${format}`);
  return record;
}

function pack(record: object): Uint8Array {
  const bytes = msgpack.encode(record);
  if (!(bytes instanceof Uint8Array)) throw new Error("MessagePack gives bytes, at once");
  return bytes;
}

function isDecision(value: unknown): value is Decision {
  return value === "commit" || value === "abort";
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
