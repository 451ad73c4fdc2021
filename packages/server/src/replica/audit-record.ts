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
  /** Whether the client's names are left out, and stand in the first lines of the entry. */
  readonly namesLeftOut?: true | undefined;
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
  /** How many lines were lost before this one, or it stands for. */
  readonly count?: number | undefined;
}

/** Bytes of the record's line, at most; near enough where its texts are those of most people. Pure. */
export function mostLineBytes(record: AuditRecord): number {
  const { client, namesLeftOut, operation, path, createMode, acl, error, reason, count } = record;
  let bytes = 160 + operation.length;
  if (client !== undefined) bytes += identityBytes(client.identities) + client.host.length;
  else bytes += 100;
  if (namesLeftOut) bytes += 15;
  if (path !== undefined) bytes += textBytes(path);
  if (createMode !== undefined) bytes += 45;
  if (acl !== undefined) bytes += 5 + identityBytes(acl.map(({ id }) => id)) + "::cdrwa".length * acl.length;
  if (error !== undefined) bytes += 40;
  if (reason !== undefined) bytes += 8 + textBytes(reason);
  if (count !== undefined) bytes += 20;
  return bytes;
}

/** From here on names take too much room to stand in each line of an entry, bytes. */
const longNamesBytes = 100;

/** Whether the names of who asks are long. Pure. */
export function hasLongNames({ identities }: AuditedClient): boolean {
  return identityBytes(identities) > longNamesBytes;
}

/** A connection has the same list for all of its requests. */
const knownBytes = new WeakMap<readonly Id[], number>();

function identityBytes(identities: readonly Id[]): number {
  let bytes = knownBytes.get(identities);
  if (bytes === undefined) {
    bytes = 0;
    for (const { scheme, id } of identities) {
      // Without the digest; and "super" is the name as well.
      bytes += textBytes(scheme) + textBytes(scheme === "digest" ? (id.split(":", 1)[0] ?? "") : id) + 8;
    }
    knownBytes.set(identities, bytes);
  }
  return bytes;
}

/** What is escaped takes six for one, as a comma between names does; what is not ASCII three at most. */
function textBytes(text: string): number {
  if (plain.test(text)) return text.length;
  return text.length + 5 * text.replaceAll(/[ -+\--[\]-~]+/g, "").length;
}

const plain = /^[ -+\--[\]-~]*$/;
