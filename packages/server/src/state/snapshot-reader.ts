/**
 * From a snapshot's chunks back to the state. Whatever the bytes are, what comes of them is a state or a DecodeError: those of a
 * restore come from outside, and their checksums only say that they have arrived as they were sent.
 */
import { type Acl, DecodeError } from "@corral/protocol";
import { decode } from "@msgpack/msgpack";
import { DataTree } from "./data-tree.ts";
import { SessionTable } from "./session-table.ts";
import { type NodeRow, type SnapshotState, snapshotVersion } from "./snapshot.ts";
import {
  type Digest,
  digestVersion,
  formatDigest,
  sameDigest,
  stateDigestVersion,
  sumOfDigests,
} from "./tree-digest.ts";
import { containerLifetime, type Lifetime, persistentLifetime } from "./znode.ts";

/** Before there were digests of sessions, which were in the header then. */
const oldVersion = 1;

/** Longest path that can come over the wire. */
const pathBytesMax = 1 << 24;

/** Takes a snapshot's chunks in order and gives the state back. Storage has verified their checksums. */
export class SnapshotReader {
  readonly #tree = new DataTree();
  readonly #sessions = new SessionTable();
  readonly #acls: (readonly Acl[])[] = [];
  #lastZxid: number | undefined;
  /** Of sessions that are still to come. */
  #sessionsLeft = 0;
  #digest: { readonly version: number; readonly value: Digest } | undefined;

  /** @throws DecodeError when the chunk is not what a server writes. */
  onChunk(bytes: Uint8Array): void {
    const rows = decodeArray(bytes);
    if (this.#lastZxid === undefined) this.#onHeader(rows);
    else if (this.#sessionsLeft > 0) this.#onSessions(rows);
    else for (const row of rows) this.#onNode(row);
  }

  /** The state, after the last chunk. @throws DecodeError when it is none, or its digest is not the one that the header names. */
  finish(): SnapshotState {
    const lastZxid = this.#lastZxid;
    if (lastZxid === undefined) throw new DecodeError("a snapshot without a header", 0);
    if (this.#sessionsLeft > 0) throw new DecodeError(`a snapshot that lacks ${this.#sessionsLeft} sessions`, 0);
    const fault = this.#tree.restoredFault();
    if (fault !== undefined) throw new DecodeError(`a snapshot whose nodes are no tree: ${fault}`, 0);
    this.#compareDigests();
    return { tree: this.#tree, sessions: this.#sessions, lastZxid };
  }

  #compareDigests(): void {
    const named = this.#digest;
    if (named === undefined) return;
    const tree = this.#tree.digest;
    const found = named.version === digestVersion ? tree : sumOfDigests(tree, this.#sessions.digest);
    if (sameDigest(named.value, found)) return;
    const what = named.version === digestVersion ? "nodes have" : "nodes and sessions have";
    throw new DecodeError(
      `a snapshot whose ${what} the digest ${formatDigest(found)}; its header says ${formatDigest(named.value)}`,
      0,
    );
  }

  #onHeader([version, lastZxid, sessions, digest]: readonly unknown[]): void {
    if (version !== snapshotVersion && version !== oldVersion) {
      throw new DecodeError(`a snapshot of version ${version}; this server knows ${snapshotVersion}`, 0);
    }
    if (!isCount(lastZxid)) throw new DecodeError("a snapshot without a zxid", 0);
    this.#digest = decodeDigest(digest);
    if (version === oldVersion) {
      if (!Array.isArray(sessions)) throw new DecodeError("a snapshot without sessions", 0);
      this.#sessionsLeft = sessions.length;
      this.#onSessions(sessions);
    } else {
      if (!isCount(sessions)) throw new DecodeError("a snapshot without a number of sessions", 0);
      this.#sessionsLeft = sessions;
    }
    this.#lastZxid = lastZxid;
  }

  #onSessions(rows: readonly unknown[]): void {
    for (const row of rows) {
      const [id, password, timeoutMs, attachment] = arrayOf(row, "a session");
      if (typeof id !== "bigint" || !(password instanceof Uint8Array) || !isCount(timeoutMs) || !isCount(attachment)) {
        throw new DecodeError("a session with fields of the wrong kind", 0);
      }
      if (this.#sessions.has(id)) throw new DecodeError("a session that is there twice", 0);
      this.#sessions.add({ id, password: Buffer.from(password), timeoutMs, attachment });
      this.#sessionsLeft--;
    }
    if (this.#sessionsLeft < 0) throw new DecodeError("a snapshot with more sessions than its header says", 0);
  }

  #onNode(row: unknown): void {
    if (!isNodeRow(row)) throw new DecodeError("a node with fields of the wrong kind", 0);
    const [path, data, aclOrNumber, lifetime, czxid, ctimeMs, mzxid, mtimeMs, pzxid, version, aversion, childCreates] =
      row;
    let acl: readonly Acl[] | undefined;
    if (typeof aclOrNumber === "number") {
      acl = this.#acls[aclOrNumber];
    } else {
      acl = aclOrNumber.map(decodeAcl);
      this.#acls.push(acl);
    }
    if (acl === undefined) throw new DecodeError(`access list ${aclOrNumber} of ${path} is not in the snapshot`, 0);
    const numbers = { czxid, ctimeMs, mzxid, mtimeMs, pzxid, version, aversion, childCreates };
    this.#tree.restore(path, { data, acl, lifetime: decodeLifetime(lifetime), ...numbers });
  }
}

/** No list in it can be longer than its bytes are many, whatever its header says. */
function decodeArray(bytes: Uint8Array): readonly unknown[] {
  const most = bytes.length;
  let decoded: unknown;
  try {
    decoded = decode(bytes, {
      useBigInt64: true,
      maxStrLength: Math.min(most, pathBytesMax),
      maxBinLength: most,
      maxArrayLength: most,
      maxMapLength: 0,
      maxExtLength: 0,
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : cause;
    throw new DecodeError(`a snapshot chunk that is not MessagePack: ${why}`, 0);
  }
  return arrayOf(decoded, "a snapshot chunk");
}

function arrayOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new DecodeError(`${what} that is not an array`, 0);
  return value;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A million of them come at a start: what is looked at is what else would fail elsewhere, or not at all. */
function isNodeRow(row: unknown): row is NodeRow {
  if (!Array.isArray(row) || row.length !== 12) return false;
  const [path, data, acl, lifetime] = row as readonly unknown[];
  if (typeof path !== "string" || path.charCodeAt(0) !== 0x2f) return false;
  if (path.length > 1 && path.charCodeAt(path.length - 1) === 0x2f) return false;
  if (data !== null && !(data instanceof Uint8Array)) return false;
  if (typeof acl !== "number" && !Array.isArray(acl)) return false;
  const isLifetime =
    lifetime === null || typeof lifetime === "bigint" || typeof lifetime === "number" || lifetime === "container";
  if (!isLifetime) return false;
  for (let at = 4; at < 12; at++) if (typeof row[at] !== "number") return false;
  return true;
}

function decodeAcl(row: unknown): Acl {
  const [perms, scheme, id] = arrayOf(row, "an access list's entry");
  if (typeof perms !== "number" || typeof scheme !== "string" || typeof id !== "string") {
    throw new DecodeError("an access list with fields of the wrong kind", 0);
  }
  return { perms, id: { scheme, id } };
}

function decodeLifetime(value: NodeRow[3]): Lifetime {
  if (value === null) return persistentLifetime;
  if (typeof value === "bigint") return { kind: "ephemeral", owner: value };
  if (typeof value === "number") return { kind: "ttl", ttlMs: value };
  return containerLifetime;
}

/** Digests of another version mean nothing here; snapshots of before there were digests have none. */
function decodeDigest(fields: unknown): { readonly version: number; readonly value: Digest } | undefined {
  if (fields === undefined) return undefined;
  const numbers = arrayOf(fields, "a digest");
  if (!numbers.every((field) => typeof field === "number")) throw new DecodeError("a digest that is not of numbers", 0);
  const [version = 0, high = 0, low = 0] = numbers as readonly number[];
  return version === digestVersion || version === stateDigestVersion ? { version, value: { high, low } } : undefined;
}
