/** What stands in the nodes beside the configuration: MessagePack, with a version of the format. Pure but for the codec. */
import { msgpack } from "@corral/client";
import { limits } from "./limits.ts";
import type { Issue } from "./schema.ts";

const format = 1;

/** How a version came about. */
export type Cause =
  | { readonly kind: "edit" }
  | { readonly kind: "rollback"; readonly to: number }
  /** A proposal that was activated. */
  | { readonly kind: "proposal"; readonly id: string }
  /** Something else wrote it, and did not say who or why. */
  | { readonly kind: "outside" };

/** What the history says of a version. */
export interface RevisionRecord {
  /** As it was stored. */
  readonly data: Uint8Array | null;
  readonly author: string;
  readonly comment: string;
  readonly cause: Cause;
  /** When, if not when the record was made: wall clock of the server, ms since 1970. */
  readonly atMs: number | undefined;
}

/** A change that is proposed. */
export interface ProposalRecord {
  readonly id: string;
  /** The version that it changes. */
  readonly base: number;
  /** What is to be stored. */
  readonly data: Uint8Array;
  readonly author: string;
  readonly comment: string;
  /** The names of those who are to try it out; `undefined`: nobody yet. */
  readonly canaries: readonly string[] | undefined;
}

/** What a subscriber says of a proposal. */
export type Answer =
  | { readonly kind: "accepts"; readonly proposal: string }
  | { readonly kind: "refuses"; readonly proposal: string; readonly issues: readonly Issue[] };

/** What a subscriber says of itself. */
export interface SubscriberRecord {
  readonly identity: string;
  /** The version that it runs with; `undefined`: none. */
  readonly version: number | undefined;
  /** The proposal that it tries out. */
  readonly tries: string | undefined;
  readonly answer: Answer | undefined;
}

/** The bytes of any of them. */
export function encodeRecord(record: RevisionRecord | ProposalRecord | SubscriberRecord): Uint8Array {
  const bytes = msgpack.encode({ format, ...record });
  if (!(bytes instanceof Uint8Array)) throw new Error("MessagePack gives bytes, at once");
  return bytes;
}

/** The version in `data`. @throws Error if there is none in it. */
export function decodeRevision(data: Uint8Array | null): RevisionRecord {
  const { data: stored, author, comment, cause, atMs } = unpack(data);
  return {
    data: stored instanceof Uint8Array ? stored : null,
    author: text(author),
    comment: text(comment),
    cause: toCause(cause),
    atMs: typeof atMs === "number" ? atMs : undefined,
  };
}

/** The proposal in `data`; `undefined`: there is none. @throws Error if it is something else. */
export function decodeProposal(data: Uint8Array | null): ProposalRecord | undefined {
  if (data === null || data.length === 0) return undefined;
  const { id, base, data: stored, author, comment, canaries } = unpack(data);
  if (typeof id !== "string" || typeof base !== "number" || !(stored instanceof Uint8Array)) {
    throw new Error("it is no proposal");
  }
  return { id, base, data: stored, author: text(author), comment: text(comment), canaries: names(canaries) };
}

/** The subscriber in `data`. Of one that cannot be read nothing is known: it has given no answer. */
export function decodeSubscriber(data: Uint8Array | null): SubscriberRecord {
  try {
    const { identity, version, tries, answer } = unpack(data);
    return {
      identity: text(identity),
      version: typeof version === "number" ? version : undefined,
      tries: typeof tries === "string" ? tries : undefined,
      answer: toAnswer(answer),
    };
  } catch {
    // Written by a program to come, or by hand.
    return { identity: "", version: undefined, tries: undefined, answer: undefined };
  }
}

/** A text that fits. */
export function short(text: string): string {
  return text.slice(0, limits.textLength);
}

function unpack(data: Uint8Array | null): Readonly<Record<string, unknown>> {
  const record = group(msgpack.decode(data));
  if (record.format !== format) throw new Error(`it is of format ${String(record.format)}, not ${format}`);
  return record;
}

function toCause(value: unknown): Cause {
  const { kind, to, id } = group(value);
  if (kind === "edit") return { kind };
  if (kind === "rollback" && typeof to === "number") return { kind, to };
  if (kind === "proposal" && typeof id === "string") return { kind, id };
  return { kind: "outside" };
}

function toAnswer(value: unknown): Answer | undefined {
  if (value === undefined || value === null) return undefined;
  const { kind, proposal, issues } = group(value);
  if (typeof proposal !== "string") return undefined;
  if (kind === "accepts") return { kind, proposal };
  return { kind: "refuses", proposal, issues: Array.isArray(issues) ? issues.map(toIssue) : [] };
}

function toIssue(value: unknown): Issue {
  const { path, message } = group(value);
  return { path: names(path) ?? [], message: text(message) };
}

function group(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw new Error("it is no record");
  return value as Readonly<Record<string, unknown>>;
}

function names(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(text) : undefined;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
