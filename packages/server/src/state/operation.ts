/**
 * What a log entry asks for: the writes of the wire as they came, and the few that only servers make. And what came of
 * it. Both are plain data; every server that applies the same entries reaches the same outcomes.
 */
import type {
  CreateRequest,
  CreateTtlRequest,
  DeleteRequest,
  Id,
  MultiOperation,
  MultiResult,
  OpCode,
  SetAclRequest,
  SetDataRequest,
  WireStat,
} from "@corral/protocol";
import type { SessionRecord } from "./session-table.ts";
import type { Witness } from "./witness.ts";

/** The write that an entry asks for. */
export type Operation =
  | { readonly type: typeof OpCode.create; readonly request: CreateRequest }
  | { readonly type: typeof OpCode.create2; readonly request: CreateRequest }
  | { readonly type: typeof OpCode.createContainer; readonly request: CreateRequest }
  | { readonly type: typeof OpCode.createTTL; readonly request: CreateTtlRequest }
  | { readonly type: typeof OpCode.delete; readonly request: DeleteRequest }
  | { readonly type: typeof OpCode.setData; readonly request: SetDataRequest }
  | { readonly type: typeof OpCode.setACL; readonly request: SetAclRequest }
  | { readonly type: typeof OpCode.multi; readonly request: readonly MultiOperation[] }
  | { readonly type: typeof OpCode.closeSession; readonly request: Record<string, never> }
  | { readonly type: typeof OpCode.createSession; readonly request: CreateSession }
  | { readonly type: typeof attachSession; readonly request: AttachSession }
  | { readonly type: typeof OpCode.deleteContainer; readonly request: ReapNode }
  | { readonly type: typeof restorePart; readonly request: RestorePart };

/** Our own entry type, never seen on the wire: a session goes on over a new connection. */
export const attachSession = -20;

/** class CreateSession { int timeoutMs; buffer password; } */
export interface CreateSession {
  readonly timeoutMs: number;
  readonly password: Uint8Array;
}

/** class AttachSession { int timeoutMs; } */
export interface AttachSession {
  readonly timeoutMs: number;
}

/** class ReapNode { ustring path; long czxid; } — the leader found a container or TTL node that is due. */
export interface ReapNode {
  readonly path: string;
  /** Of the node that was due: one that was made anew since is spared. */
  readonly czxid: number;
}

/** Our own entry type, never seen on the wire: a piece of a snapshot that is to replace the state. */
export const restorePart = -21;

/** class RestorePart { int number; boolean isLast; buffer chunk; } — the pieces of one snapshot have the numbers 0, 1, 2 … */
export interface RestorePart {
  /** 0 begins, whatever was begun before; −1 gives up what was begun. */
  readonly number: number;
  /** With this piece the snapshot is whole: it is the state from this entry on. */
  readonly isLast: boolean;
  readonly chunk: Uint8Array;
}

/** An entry of the log: one request, with all that it depends on beside the tree. */
export interface Entry {
  readonly zxid: number;
  /** The leader's wall clock when it was proposed: what ctime and mtime become. */
  readonly timeMs: number;
  readonly sessionId: bigint;
  /** Which attachment of the session asks; 0: the server itself, whichever there is. */
  readonly attachment: number;
  /** The client's number for the request; 0 for entries that servers make. */
  readonly xid: number;
  /** Who asks, as the connection had authenticated when it asked. */
  readonly identities: readonly Id[];
  readonly operation: Operation;
  /** Whether hard quotas are enforced, as the leader that proposed it was told. */
  readonly enforcesQuota: boolean;
  /**
   * The entry has version 1, and does what the server did that wrote it: the end of a session takes its ephemerals as they stand in
   * memory, where it takes the oldest first now; and a node with a time to live goes although its data was set after it was found due.
   */
  readonly oldRules?: true | undefined;
  /** What the tree was where it was proposed. Absent from entries that follow one that was proposed there too. */
  readonly witness?: Witness | undefined;
  /** Set: it has one of another version, which means nothing here. */
  readonly hasOtherWitness?: true | undefined;
}

/** What came of an entry. */
export type Outcome =
  | { readonly type: "error"; readonly code: number }
  /** By plain create, which tells the path alone. */
  | { readonly type: "created"; readonly path: string }
  | { readonly type: "createdWithStat"; readonly path: string; readonly stat: WireStat }
  | { readonly type: "deleted" }
  | { readonly type: "changed"; readonly stat: WireStat }
  | { readonly type: "checked" }
  | { readonly type: "multi"; readonly results: readonly MultiResult[] }
  /** A piece of a snapshot was taken; with the last one, the state was replaced. */
  | { readonly type: "restorePartTaken"; readonly isRestored: boolean }
  | { readonly type: "sessionAttached"; readonly session: SessionRecord }
  | { readonly type: "sessionClosed" };
