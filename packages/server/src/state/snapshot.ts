/**
 * The state at one zxid as a list of chunks, each a MessagePack array (snapshot-reader.ts has the way back). First the header
 * `[version, zxid, number of sessions, [version of digests, high, low]]`, then the sessions, then nodes, some thousand bytes to a
 * chunk, so that the event loop gets its turns between them. In version 1 the header had the sessions in it, and the digest
 * was of the tree alone.
 */
import { type Acl, assert } from "@corral/protocol";
import { Encoder } from "@msgpack/msgpack";
import type { DataTree } from "./data-tree.ts";
import type { Lifetime } from "./lifetime.ts";
import { doubles } from "./node-row.ts";
import { PackedWriter, textBytes } from "./packed-writer.ts";
import type { SessionRecord, SessionTable } from "./session-table.ts";
import { type Digest, DigestSum, digestVersion, formatDigest, sameDigest, sumOfDigests } from "./tree-digest.ts";
import type { Znode } from "./znode.ts";

/** Grows with the format. */
export const snapshotVersion = 2;
const usualChunkBytes = 128 << 10;
/** The first chunk of nodes is short, and each next one twice as long: code that has not run yet takes ten times as long for a node. */
const firstChunkBytes = 8 << 10;
const sessionsInChunk = 500;
/** Of an array, at most. */
const arrayHeadBytes = 5;

const encoder = new Encoder({ useBigInt64: true });

/** A session as a chunk has it. */
export type SessionRow = readonly [id: bigint, password: Uint8Array, timeoutMs: number, attachment: number];

/**
 * A node as a chunk has it: path, data or nil, access list (its entries where it first occurs, from then on its number),
 * lifetime (nil, the owner's session, "container", or the time to live in ms), czxid, ctime, mzxid, mtime, pzxid,
 * version, aversion, children ever created.
 */
export const nodeFields = 12;
/** An entry of an access list: permissions, scheme, id. */
export const aclFields = 3;

/** Tree and sessions as of one zxid: what a snapshot holds. */
export interface SnapshotState {
  readonly tree: DataTree;
  readonly sessions: SessionTable;
  readonly lastZxid: number;
}

/**
 * Starts an exact cut of the state now. The chunks may be pulled at any pace while entries go on being applied. The last
 * pull throws if what was written is not the state that the header speaks of.
 * Each access list that nodes share is written once, where it first occurs, and by its number from then on.
 */
export function snapshotChunks(state: SnapshotState, chunkBytes = usualChunkBytes): Iterable<Uint8Array> {
  const sessions = [...state.sessions];
  const { high, low } = sumOfDigests(state.tree.digest, state.sessions.digest);
  const digest = [digestVersion, high, low];
  const header = encoder.encode([snapshotVersion, state.lastZxid, sessions.length, digest]);
  return iterateChunks(header, sessions, state.tree, state.tree.snapshot(), state.tree.digest, chunkBytes);
}

function* iterateChunks(
  header: Uint8Array,
  sessions: readonly SessionRecord[],
  tree: DataTree,
  nodes: Iterable<Znode>,
  digest: Digest,
  chunkBytes: number,
): Generator<Uint8Array> {
  yield header;
  for (let at = 0; at < sessions.length; at += sessionsInChunk) {
    yield encoder.encode(sessions.slice(at, at + sessionsInChunk).map(encodeSession));
  }
  // Of its own: its last chunk is not finished yet while the one before is handed out.
  const writer = new PackedWriter();
  const packed = new DigestSum();
  const aclNumbers = new Map<readonly Acl[], number>();
  let rows = 0;
  let room = Math.min(firstChunkBytes, chunkBytes);
  for (const node of nodes) {
    const path = tree.pathOf(node);
    const { acl } = node;
    const known = aclNumbers.get(acl);
    if (known === undefined) aclNumbers.set(acl, aclNumbers.size);
    const most = otherFieldsBytes + textBytes(path) + node.dataLength + (known === undefined ? aclBytes(acl) : 0);
    const full = rows > 0 && !writer.hasRoom(most) ? writer.endArray(rows) : undefined;
    if (full !== undefined) rows = 0;
    if (rows === 0) {
      writer.beginArray(Math.max(room, most));
      room = Math.min(room * 2, chunkBytes);
    }
    packNode(writer, path, node, known);
    packed.add(path, node);
    rows++;
    // Only now: while a chunk is handed out, entries are applied, and this node is not what it was any more.
    if (full !== undefined) yield full;
  }
  if (rows > 0) yield writer.endArray(rows);
  // Older snapshots make room for this one: it had better be what it says.
  assert(sameDigest(packed.value, digest), () => {
    const [nodes, tree] = [packed.value, digest].map(formatDigest);
    return `a snapshot has the nodes of the tree at its zxid (digest ${tree}; of those written ${nodes})`;
  });
}

function encodeSession({ id, password, timeoutMs, attachment }: SessionRecord): SessionRow {
  return [id, password, timeoutMs, attachment];
}

/** What a node takes besides the bytes of its path, its data and an access list, at most. */
const otherFieldsBytes = arrayHeadBytes + (nodeFields - 1) * 10;

function packNode(writer: PackedWriter, path: string, node: Znode, aclNumber: number | undefined): void {
  const { numbers, numbersAt: at } = node;
  writer.array(nodeFields);
  writer.string(path);
  if (node.hasData) {
    writer.binaryHead(node.dataLength);
    node.copyData(writer);
  } else {
    writer.nil();
  }
  if (aclNumber === undefined) packAcl(writer, node.acl);
  else writer.double(aclNumber);
  packLifetime(writer, node.lifetime);
  writer.double(numbers[at + doubles.czxid] as number);
  writer.double(numbers[at + doubles.ctimeMs] as number);
  writer.double(numbers[at + doubles.mzxid] as number);
  writer.double(numbers[at + doubles.mtimeMs] as number);
  writer.double(numbers[at + doubles.pzxid] as number);
  writer.int(node.version);
  writer.int(node.aversion);
  writer.double(numbers[at + doubles.childCreates] as number);
}

function aclBytes(acl: readonly Acl[]): number {
  let bytes = arrayHeadBytes;
  for (const { id } of acl) bytes += 6 + textBytes(id.scheme) + textBytes(id.id);
  return bytes;
}

function packAcl(writer: PackedWriter, acl: readonly Acl[]): void {
  writer.array(acl.length);
  for (const { perms, id } of acl) {
    writer.array(aclFields);
    writer.int(perms);
    writer.string(id.scheme);
    writer.string(id.id);
  }
}

function packLifetime(writer: PackedWriter, lifetime: Lifetime): void {
  switch (lifetime.kind) {
    case "persistent":
      return writer.nil();
    case "ephemeral":
      return writer.bigInt(lifetime.owner);
    case "container":
      return writer.string("container");
    case "ttl":
      return writer.double(lifetime.ttlMs);
  }
}
