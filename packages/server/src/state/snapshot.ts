/**
 * The state at one zxid as a list of chunks, each a MessagePack array (snapshot-reader.ts has the way back). First the header
 * `[version, zxid, number of sessions, [version of digests, high, low]]`, then the sessions, then nodes, some thousand bytes to a
 * chunk, so that the event loop gets its turns between them. In version 1 the header had the sessions in it, and the digest
 * was of the tree alone.
 */
import type { Acl } from "@corral/protocol";
import { Encoder } from "@msgpack/msgpack";
import type { DataTree } from "./data-tree.ts";
import type { SessionRecord, SessionTable } from "./session-table.ts";
import { stateDigestVersion, sumOfDigests } from "./tree-digest.ts";
import type { Lifetime, Znode } from "./znode.ts";

/** Grows with the format. */
export const snapshotVersion = 2;
const chunkBytes = 64 << 10;
const sessionsInChunk = 500;

const encoder = new Encoder({ useBigInt64: true });

/** A session as a chunk has it. */
export type SessionRow = readonly [id: bigint, password: Uint8Array, timeoutMs: number, attachment: number];

/** A node as a chunk has it. */
export type NodeRow = readonly [
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
  const sessions = [...state.sessions];
  const { high, low } = sumOfDigests(state.tree.digest, state.sessions.digest);
  const digest = [stateDigestVersion, high, low];
  const header = encoder.encode([snapshotVersion, state.lastZxid, sessions.length, digest]);
  return iterateChunks(header, sessions, state.tree.snapshot());
}

function* iterateChunks(
  header: Uint8Array,
  sessions: readonly SessionRecord[],
  nodes: Iterable<readonly [path: string, node: Znode]>,
): Generator<Uint8Array> {
  yield header;
  for (let at = 0; at < sessions.length; at += sessionsInChunk) {
    yield encoder.encode(sessions.slice(at, at + sessionsInChunk).map(encodeSession));
  }
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

function encodeSession({ id, password, timeoutMs, attachment }: SessionRecord): SessionRow {
  return [id, password, timeoutMs, attachment];
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
