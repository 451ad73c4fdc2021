/** One line of the audit log, as data: who did what, to which node, and what came of it. Never data or secrets. */
import type { Acl, Id } from "@corral/protocol";

/** Who asked; whatever the server does of its own accord has nobody. */
export interface AuditedClient {
  /** As the connection had authenticated when it asked. */
  readonly identities: readonly Id[];
  /** Its address. */
  readonly host: string;
}

/** What was asked for. */
export interface AuditedOperation {
  /** As Apache ZooKeeper calls it: create, delete, setData, setAcl, …; see docs/server.md. */
  readonly operation: string;
  readonly path?: string | undefined;
  /** Flags of a create, as they came. */
  readonly createMode?: number | undefined;
  /** The access list that was asked for: of setAcl, and of a create whose node is not everybody's. */
  readonly acl?: readonly Acl[] | undefined;
}

/** One line. */
export interface AuditRecord extends AuditedOperation {
  /** Wall clock, ms. */
  readonly timeMs: number;
  readonly client?: AuditedClient | undefined;
  readonly sessionId?: bigint | undefined;
  /** `invoked`: begun, and nobody can tell what came of it. */
  readonly result: "success" | "failure" | "invoked";
  /** The error's code, if there was one. */
  readonly error?: number | undefined;
  /** Of the log entry that decided it; absent if it came to none. */
  readonly zxid?: number | undefined;
  /** Which operation of how many in a multi, from 1. */
  readonly part?: { readonly number: number; readonly of: number } | undefined;
  /** Why, for people; where the error does not say enough. */
  readonly reason?: string | undefined;
  /** How many lines were lost before this one. */
  readonly count?: number | undefined;
}
