/**
 * The state at one zxid as a list of chunks, each a MessagePack array; and back. First the header with the sessions and
 * the tree's digest, then nodes, some thousand bytes to a chunk, so that the event loop gets its turns between them.
 */
import { type Acl, assert, DecodeError } from "@corral/protocol";
import { Decoder, Encoder } from "@msgpack/msgpack";
import { DataTree } from "./data-tree.ts";
import { SessionTable } from "./session-table.ts";
import { type Digest, digestVersion, formatDigest, sameDigest } from "./tree-digest.ts";
import { containerLifetime, type Lifetime, persistentLifetime, type Znode } from "./znode.ts";

const snapshotVersion = 1;
const chunkBytes = 64 << 10;

const encoder = new Encoder({ useBigInt64: true });
const decoder = new Decoder({ useBigInt64: true });

type SessionRow = readonly [id: bigint, password: Uint8Array, timeoutMs: number, attachment: number];

type NodeRow = readonly [
  path: string,
  data: Uint8Array | null,
  acl: number | readonly (readonly [number, string, string])[],
  lifetime: null | bigint | "container" | number,
  czxid: number,
  ctimeMs: number,
  mzxid: number,
  mtimeMs: number,
  pzxid: number,
  version: number,
  aversion: number,
  childCreates: number,
];

/** Tree and sessions as of one zxid: what a snapshot holds. */
export interface SnapshotState {
  readonly tree: DataTree;
  readonly sessions: SessionTable;
  readonly lastZxid: number;
}

/**
 * Starts an exact cut of the state now. The chunks may be pulled at any pace while entries go on being applied.
 * Each access list that nodes share is written once, where it first occurs, and by its number from then on.
 */
export function snapshotChunks(state: SnapshotState): Iterable<Uint8Array> {
  const sessions = [...state.sessions].map((s) => [s.id, s.password, s.timeoutMs, s.attachment]);
  const { high, low } = state.tree.digest;
  const header = encoder.encode([snapshotVersion, state.lastZxid, sessions, [digestVersion, high, low]]);
  return iterateChunks(header, state.tree.snapshot());
}

function* iterateChunks(
  header: Uint8Array,
  nodes: Iterable<readonly [path: string, node: Znode]>,
): Generator<Uint8Array> {
  yield header;
  const aclNumbers = new Map<readonly Acl[], number>();
  let rows: NodeRow[] = [];
  let bytes = 0;
  for (const [path, node] of nodes) {
    rows.push(encodeNode(path, node, aclNumbers));
    bytes += 100 + path.length + node.dataLength;
    if (bytes < chunkBytes) continue;
    yield encoder.encode(rows);
    rows = [];
    bytes = 0;
  }
  if (rows.length > 0) yield encoder.encode(rows);
}

function encodeNode(path: string, node: Znode, aclNumbers: Map<readonly Acl[], number>): NodeRow {
  const known = aclNumbers.get(node.acl);
  if (known === undefined) aclNumbers.set(node.acl, aclNumbers.size);
  return [
    path,
    node.data,
    known ?? node.acl.map((a) => [a.perms, a.id.scheme, a.id.id] as const),
    encodeLifetime(node.lifetime),
    node.czxid,
    node.ctimeMs,
    node.mzxid,
    node.mtimeMs,
    node.pzxid,
    node.version,
    node.aversion,
    node.childCreates,
  ];
}

function encodeLifetime(lifetime: Lifetime): NodeRow[3] {
  switch (lifetime.kind) {
    case "persistent":
      return null;
    case "ephemeral":
      return lifetime.owner;
    case "container":
      return "container";
    case "ttl":
      return lifetime.ttlMs;
  }
}

function decodeLifetime(value: NodeRow[3]): Lifetime {
  if (value === null) return persistentLifetime;
  if (typeof value === "bigint") return { kind: "ephemeral", owner: value };
  if (typeof value === "number") return { kind: "ttl", ttlMs: value };
  return containerLifetime;
}

/** Digests of another version mean nothing here; snapshots of before there were digests have none. */
function decodeDigest(fields: unknown): Digest | undefined {
  if (fields === undefined) return undefined;
  if (!Array.isArray(fields) || !fields.every((field) => typeof field === "number")) {
    throw new DecodeError("a digest that is not a list of numbers", 0);
  }
  const [version, high = 0, low = 0] = fields;
  return version === digestVersion ? { high, low } : undefined;
}

/** Takes a snapshot's chunks in order and gives the state back. Storage has verified their checksums. */
export class SnapshotReader {
  readonly #tree = new DataTree();
  readonly #sessions = new SessionTable();
  readonly #acls: (readonly Acl[])[] = [];
  #lastZxid: number | undefined;
  #digest: Digest | undefined;

  /** @throws DecodeError when the chunk is not what this server writes. */
  onChunk(bytes: Uint8Array): void {
    const decoded = decoder.decode(bytes);
    if (!Array.isArray(decoded)) throw new DecodeError("a snapshot chunk that is not an array", 0);
    if (this.#lastZxid === undefined) this.#onHeader(decoded);
    else for (const row of decoded as NodeRow[]) this.#onNode(row);
  }

  #onHeader(fields: readonly unknown[]): void {
    const [version, lastZxid, sessions, digest] = fields;
    if (version !== snapshotVersion || typeof lastZxid !== "number" || !Array.isArray(sessions)) {
      throw new DecodeError(`a snapshot of version ${version}; this server knows ${snapshotVersion}`, 0);
    }
    this.#lastZxid = lastZxid;
    this.#digest = decodeDigest(digest);
    for (const [id, password, timeoutMs, attachment] of sessions as readonly SessionRow[]) {
      this.#sessions.add({ id, password: Buffer.from(password), timeoutMs, attachment });
    }
  }

  #onNode(row: NodeRow): void {
    const [path, data, aclOrNumber, lifetime, czxid, ctimeMs, mzxid, mtimeMs, pzxid, version, aversion, childCreates] =
      row;
    let acl: readonly Acl[] | undefined;
    if (typeof aclOrNumber === "number") {
      acl = this.#acls[aclOrNumber];
    } else {
      acl = aclOrNumber.map(([perms, scheme, id]) => ({ perms, id: { scheme, id } }));
      this.#acls.push(acl);
    }
    if (acl === undefined) throw new DecodeError(`access list ${aclOrNumber} of ${path} is not in the snapshot`, 0);
    const numbers = { czxid, ctimeMs, mzxid, mtimeMs, pzxid, version, aversion, childCreates };
    this.#tree.restore(path, { data, acl, lifetime: decodeLifetime(lifetime), ...numbers });
  }

  /** The state, after the last chunk. @throws DecodeError when its digest is not the one that the header names. */
  finish(): SnapshotState {
    assert(this.#lastZxid !== undefined, "a snapshot has a header");
    this.#tree.linkRestored();
    const { digest } = this.#tree;
    if (this.#digest !== undefined && !sameDigest(this.#digest, digest)) {
      const [found, named] = [formatDigest(digest), formatDigest(this.#digest)];
      throw new DecodeError(`a snapshot whose nodes have the digest ${found}; its header says ${named}`, 0);
    }
    return { tree: this.#tree, sessions: this.#sessions, lastZxid: this.#lastZxid };
  }
}
