/**
 * From a snapshot's chunks back to the state. Whatever the bytes are, what comes of them is a state or a DecodeError: those of a
 * restore come from outside, and their checksums only say that they have arrived as they were sent.
 */
import { type Acl, DecodeError } from "@corral/protocol";
import { decode } from "@msgpack/msgpack";
import { DataTree } from "./data-tree.ts";
import { containerLifetime, type Lifetime, persistentLifetime } from "./lifetime.ts";
import { PackedReader } from "./packed-reader.ts";
import { SessionTable } from "./session-table.ts";
import { aclFields, nodeFields, type SnapshotState, snapshotVersion } from "./snapshot.ts";
import { aclFault, nodeFault, restoreFault, sessionFault, shapeFault } from "./snapshot-fault.ts";
import { type Digest, digestVersion, formatDigest, sameDigest, sumOfDigests } from "./tree-digest.ts";
import type { NodeRecord } from "./znode.ts";

/** Before there were digests of sessions, which were in the header then. */
const oldVersion = 1;

/** Each chunk can be read, but all together they are not the state that the server had. */
export class SnapshotContentError extends DecodeError {
  /** What is wrong, as a clause. */
  readonly why: string;

  /** `what` goes on after "whose". */
  constructor(what: string) {
    super(`a snapshot whose ${what}`, 0);
    this.why = `its ${what}`;
  }
}

/** Whether a node is taken; they come in their order in the file. */
export type NodeChoice = (path: string, record: NodeRecord) => boolean;

/** Takes a snapshot's chunks in order and gives the state back. Storage has verified their checksums. */
export class SnapshotReader {
  readonly #tree: DataTree;
  readonly #sessions = new SessionTable();
  readonly #acls: (readonly Acl[])[] = [];
  #lastZxid: number | undefined;
  /** Of sessions that are still to come. */
  #sessionsLeft = 0;
  #digest: Digest | undefined;
  #hasOtherDigest = false;
  readonly #choice: NodeChoice | undefined;
  #restoreFault: string | undefined;

  /** `hashSeed`: see `DataTree`. With a `choice` (snapshot-mend.ts) the digest may be another than the header's. */
  constructor(hashSeed: number, choice?: NodeChoice) {
    this.#tree = new DataTree(hashSeed);
    this.#choice = choice;
  }

  /** @throws DecodeError when the chunk is not what a server writes. */
  onChunk(bytes: Uint8Array): void {
    if (this.#lastZxid === undefined) this.#onHeader(decodeArray(bytes));
    else if (this.#sessionsLeft > 0) this.#onSessions(decodeArray(bytes));
    else this.#onNodes(new PackedReader(bytes));
  }

  /** The state, after the last chunk. @throws DecodeError when it is none, or its digest is not the one that the header names. */
  finish(): SnapshotState {
    const lastZxid = this.#lastZxid;
    if (lastZxid === undefined) throw new DecodeError("a snapshot without a header", 0);
    if (this.#sessionsLeft > 0) throw new DecodeError(`a snapshot that lacks ${this.#sessionsLeft} sessions`, 0);
    const fault = this.#tree.restoredFault() ?? shapeFault(this.#tree);
    if (fault !== undefined) throw new SnapshotContentError(`nodes are no tree: ${fault}`);
    const otherDigest = this.#choice === undefined ? this.digestFault() : undefined;
    if (otherDigest !== undefined) throw new SnapshotContentError(otherDigest);
    return { tree: this.#tree, sessions: this.#sessions, lastZxid };
  }

  /** What keeps it from being restored, as a clause, though a server may start from it; see `restoreFault`. */
  get restoreFault(): string | undefined {
    return this.#restoreFault;
  }

  /** Whether the header names a digest of another version, which means nothing here. */
  get hasOtherDigest(): boolean {
    return this.#hasOtherDigest;
  }

  /** Whether the header names a digest that means something here. */
  get hasDigest(): boolean {
    return this.#digest !== undefined;
  }

  /** As a clause after "whose": how the digest of what has come differs from the one that the header names; undefined also if it names none. */
  digestFault(): string | undefined {
    const named = this.#digest;
    if (named === undefined) return undefined;
    const found = sumOfDigests(this.#tree.digest, this.#sessions.digest);
    if (sameDigest(named, found)) return undefined;
    return `nodes and sessions have the digest ${formatDigest(found)}; its header says ${formatDigest(named)}`;
  }

  #onHeader([version, lastZxid, sessions, digest]: readonly unknown[]): void {
    if (version !== snapshotVersion && version !== oldVersion) {
      throw new DecodeError(`a snapshot of version ${version}; this server knows ${snapshotVersion}`, 0);
    }
    if (!isCount(lastZxid)) throw new DecodeError("a snapshot without a zxid", 0);
    this.#digest = decodeDigest(digest);
    this.#hasOtherDigest = digest !== undefined && this.#digest === undefined;
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
      const session = { id, password: Buffer.from(password), timeoutMs, attachment };
      refuse(sessionFault(session));
      this.#sessions.add(session);
      this.#sessionsLeft--;
    }
    if (this.#sessionsLeft < 0) throw new DecodeError("a snapshot with more sessions than its header says", 0);
  }

  #onNodes(reader: PackedReader): void {
    for (let left = reader.list(); left > 0; left--) this.#onNode(reader);
    if (!reader.isAtEnd) throw new DecodeError("a chunk of nodes with something behind them", 0);
  }

  /** The fields of a node, one by one: a million of them come at a start. */
  #onNode(reader: PackedReader): void {
    if (reader.list() !== nodeFields) throw new DecodeError("a node with too few fields, or too many", 0);
    const path = reader.text();
    const data = reader.nullableBytes();
    const isNewAcl = reader.isAtList;
    const acl = isNewAcl ? this.#newAcl(reader, path) : this.#acls[reader.number()];
    if (acl === undefined) throw new DecodeError(`the access list of ${path} is not in the snapshot`, 0);
    const record = {
      data,
      acl,
      lifetime: decodeLifetime(reader.scalar()),
      czxid: reader.number(),
      ctimeMs: reader.number(),
      mzxid: reader.number(),
      mtimeMs: reader.number(),
      pzxid: reader.number(),
      version: reader.number(),
      aversion: reader.number(),
      childCreates: reader.number(),
    };
    refuse(nodeFault(path, record));
    if (this.#choice !== undefined && !this.#choice(path, record)) return;
    this.#restoreFault ??= restoreFault(path, record, this.#lastZxid as number);
    const node = this.#tree.restore(path, record);
    // As the tree keeps it: with identities that other lists have too.
    if (isNewAcl) this.#acls[this.#acls.length - 1] = node.acl;
  }

  #newAcl(reader: PackedReader, path: string): readonly Acl[] {
    const acl: Acl[] = [];
    for (let left = reader.list(); left > 0; left--) {
      if (reader.list() !== aclFields) throw new DecodeError("an access list with fields of the wrong kind", 0);
      acl.push({ perms: reader.number(), id: { scheme: reader.text(), id: reader.text() } });
    }
    refuse(aclFault(path, acl));
    this.#acls.push(acl);
    return acl;
  }
}

/** No list in it can be longer than its bytes are many, whatever its header says. */
function decodeArray(bytes: Uint8Array): readonly unknown[] {
  const most = bytes.length;
  let decoded: unknown;
  try {
    decoded = decode(bytes, {
      useBigInt64: true,
      maxStrLength: most,
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

/** @throws SnapshotContentError when there is a fault. */
function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new SnapshotContentError(fault);
}

function decodeLifetime(value: null | string | number | bigint): Lifetime {
  if (value === null) return persistentLifetime;
  if (typeof value === "bigint") return { kind: "ephemeral", owner: value };
  if (typeof value === "number") return { kind: "ttl", ttlMs: value };
  if (value === "container") return containerLifetime;
  throw new DecodeError(`a node whose lifetime is ${value}`, 0);
}

/** Digests of another version mean nothing here; snapshots of before there were digests have none. */
function decodeDigest(fields: unknown): Digest | undefined {
  if (fields === undefined) return undefined;
  const numbers = arrayOf(fields, "a digest");
  if (!numbers.every((field) => typeof field === "number")) throw new DecodeError("a digest that is not of numbers", 0);
  const [version = 0, high = 0, low = 0] = numbers as readonly number[];
  return version === digestVersion ? { high, low } : undefined;
}
