/**
 * Entries to bytes and back: a MessagePack array
 * `[version, zxid, timeMs, sessionId, attachment, xid, [[scheme, id] …], operation, body]`, and behind them, if there is
 * need of it, whether quotas are enforced, and then the witness: `[version of digests, zxid, high, low]`.
 * The body is the request as the wire has it, so there is one description of each operation, not two.
 */
import {
  assert,
  assertNever,
  type Codec,
  DecodeError,
  type Id,
  OpCode,
  operations,
  Reader,
  Writer,
} from "@corral/protocol";
import { Decoder } from "@msgpack/msgpack";
import {
  type AttachSession,
  attachSession,
  type CreateSession,
  type Entry,
  type Operation,
  type ReapNode,
  type RestorePart,
  restorePart,
} from "./operation.ts";
import { PackedWriter, textBytes } from "./packed-writer.ts";
import { digestVersion, stateDigestVersion } from "./tree-digest.ts";
import type { Witness } from "./witness.ts";

/** In version 1 they did something else in some cases; see `Entry`. A server that knows no other must not apply these. */
const entryVersion = 2;
/** Longest entry that is read back: as long as a record of the log can be (storage/limits.ts). */
export const maxEntryBytes = 256 << 20;

/** All of an entry but its identities and its body, at most. */
const frameBytes = 96;

const entryWriter = new PackedWriter();
const decoder = new Decoder({
  useBigInt64: true,
  // Text comes as its bytes: the library leaves out a byte order mark at the beginning of a long one, and so names somebody else.
  rawStrings: true,
  maxStrLength: maxEntryBytes,
  maxBinLength: maxEntryBytes,
  maxArrayLength: 100_000,
  maxMapLength: 0,
  maxExtLength: 0,
});

const createSessionCodec: Codec<CreateSession> = {
  write(w, v) {
    w.int(v.timeoutMs);
    w.buffer(v.password);
  },
  read: (r) => ({ timeoutMs: r.int(), password: r.buffer() ?? new Uint8Array(0) }),
};

const attachSessionCodec: Codec<AttachSession> = {
  write(w, v) {
    w.int(v.timeoutMs);
  },
  read: (r) => ({ timeoutMs: r.int() }),
};

const reapNodeCodec: Codec<ReapNode> = {
  write(w, v) {
    w.string(v.path);
    w.long(v.czxid);
  },
  read: (r) => ({ path: r.string(), czxid: r.long() }),
};

const restorePartCodec: Codec<RestorePart> = {
  write(w, v) {
    w.int(v.number);
    w.bool(v.isLast);
    w.buffer(v.chunk);
  },
  read: (r) => ({ number: r.int(), isLast: r.bool(), chunk: r.buffer() ?? new Uint8Array(0) }),
};

/** Reads what a log holds. Earlier versions took in writes whose path is null, and took it for the empty one. */
class LogReader extends Reader {
  override requiredString(): string {
    return this.string();
  }
}

/** The writes that clients may send. */
export type ClientWriteType =
  | typeof OpCode.create
  | typeof OpCode.create2
  | typeof OpCode.createContainer
  | typeof OpCode.createTTL
  | typeof OpCode.delete
  | typeof OpCode.setData
  | typeof OpCode.setACL
  | typeof OpCode.multi
  | typeof OpCode.closeSession;

/** Whether it is one of them. */
export function isClientWrite(type: number): type is ClientWriteType {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
    case OpCode.delete:
    case OpCode.setData:
    case OpCode.setACL:
    case OpCode.multi:
    case OpCode.closeSession:
      return true;
    default:
      return false;
  }
}

/** Reads the body of a write that a client may send. @throws DecodeError when the bytes are not that. */
export function decodeClientWrite(type: ClientWriteType, reader: Reader): Operation {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
      return { type, request: operations.create.request.read(reader) };
    case OpCode.createTTL:
      return { type, request: operations.createTTL.request.read(reader) };
    case OpCode.delete:
      return { type, request: operations.delete.request.read(reader) };
    case OpCode.setData:
      return { type, request: operations.setData.request.read(reader) };
    case OpCode.setACL:
      return { type, request: operations.setACL.request.read(reader) };
    case OpCode.multi:
      return { type, request: operations.multi.request.read(reader) };
    case OpCode.closeSession:
      return { type, request: {} };
    default:
      return assertNever(type);
  }
}

function decodeOperation(type: number, reader: Reader): Operation {
  switch (type) {
    case OpCode.createSession:
      return { type, request: createSessionCodec.read(reader) };
    case attachSession:
      return { type, request: attachSessionCodec.read(reader) };
    case OpCode.deleteContainer:
      return { type, request: reapNodeCodec.read(reader) };
    case restorePart:
      return { type, request: restorePartCodec.read(reader) };
    default:
      if (!isClientWrite(type)) throw new DecodeError(`operation ${type} is none that a log holds`, 0);
      return decodeClientWrite(type, reader);
  }
}

function writeServerOperation(writer: Writer, operation: Operation): void {
  switch (operation.type) {
    case OpCode.createSession:
      return createSessionCodec.write(writer, operation.request);
    case attachSession:
      return attachSessionCodec.write(writer, operation.request);
    case OpCode.deleteContainer:
      return reapNodeCodec.write(writer, operation.request);
    case restorePart:
      return restorePartCodec.write(writer, operation.request);
    case OpCode.closeSession:
      return;
    default:
      assert(false, `operation ${operation.type} comes from a client and brings its bytes`);
  }
}

/** Bytes that identities take, at most. */
function identitiesBytes(identities: readonly Id[]): number {
  let bytes = 5;
  for (const { scheme, id } of identities) bytes += 1 + textBytes(scheme) + textBytes(id);
  return bytes;
}

/**
 * `wire`: bytes that end with the request's, for an operation that a client sent; absent for those that servers make.
 * `bodyAt`: where the request's begin.
 */
export function encodeEntry(entry: Entry, wire?: Uint8Array, bodyAt = 0): Uint8Array {
  let bytes = wire;
  if (bytes === undefined) {
    const writer = new Writer(64);
    writeServerOperation(writer, entry.operation);
    bytes = writer.take();
  }
  const { identities, enforcesQuota, witness } = entry;
  const writer = entryWriter;
  writer.begin(frameBytes + identitiesBytes(identities) + bytes.length);
  writer.array(witness !== undefined ? 11 : enforcesQuota ? 10 : 9);
  writer.small(entry.oldRules ? 1 : entryVersion);
  writer.double(entry.zxid);
  writer.double(entry.timeMs);
  writer.bigInt(entry.sessionId);
  writer.double(entry.attachment);
  writer.int(entry.xid);
  writer.array(identities.length);
  for (const { scheme, id } of identities) {
    writer.array(2);
    writer.string(scheme);
    writer.string(id);
  }
  writer.int(entry.operation.type);
  writer.binary(bytes, bodyAt);
  if (enforcesQuota || witness !== undefined) writer.bool(enforcesQuota);
  if (witness !== undefined) {
    writer.array(4);
    writer.small(witness.isOfTree ? digestVersion : stateDigestVersion);
    writer.double(witness.zxid);
    writer.uint(witness.digest.high);
    writer.uint(witness.digest.low);
  }
  return writer.end();
}

/** @throws DecodeError when the bytes are not an entry of a version that this server knows. */
export function decodeEntry(bytes: Uint8Array): Entry {
  let fields: unknown;
  try {
    fields = decoder.decode(bytes);
  } catch (cause) {
    throw new DecodeError(`an entry that is not MessagePack: ${cause instanceof Error ? cause.message : cause}`, 0);
  }
  if (!Array.isArray(fields)) throw new DecodeError("an entry that is not an array", 0);
  const [version, zxid, timeMs, sessionId, attachment, xid, identities, type, body, enforcesQuota, witness] =
    fields as readonly unknown[];
  if (version !== entryVersion && version !== 1)
    throw new DecodeError(`an entry of version ${version}; this server knows ${entryVersion}`, 0);
  if (
    typeof zxid !== "number" ||
    typeof timeMs !== "number" ||
    typeof sessionId !== "bigint" ||
    typeof attachment !== "number" ||
    typeof xid !== "number" ||
    typeof type !== "number" ||
    !Array.isArray(identities) ||
    !(body instanceof Uint8Array) ||
    (enforcesQuota !== undefined && typeof enforcesQuota !== "boolean")
  ) {
    throw new DecodeError("an entry with fields of the wrong kind", 0);
  }
  return {
    zxid,
    timeMs,
    sessionId,
    attachment,
    xid,
    identities: decodeIdentities(identities),
    operation: decodeOperation(type, new LogReader(Buffer.from(body.buffer, body.byteOffset, body.byteLength))),
    enforcesQuota: enforcesQuota === true,
    oldRules: version === 1 ? true : undefined,
    witness: decodeWitness(witness),
  };
}

/** Digests of another version mean nothing here. */
function decodeWitness(fields: unknown): Witness | undefined {
  if (fields === undefined) return undefined;
  if (!Array.isArray(fields) || !fields.every((field) => typeof field === "number")) {
    throw new DecodeError("a witness that is not a list of numbers", 0);
  }
  const [version, zxid = 0, high = 0, low = 0] = fields;
  if (version !== digestVersion && version !== stateDigestVersion) return undefined;
  return { zxid, digest: { high, low }, isOfTree: version === digestVersion };
}

/** Those of the entry before. */
let lastIdentities: readonly Id[] = [];

/** The same array again for the same ones: what lists grant is remembered by it (`allows`), and a start would find out anew at each entry. */
function decodeIdentities(pairs: readonly unknown[]): readonly Id[] {
  const identities = pairs.map(decodeIdentity);
  if (!areSame(identities, lastIdentities)) lastIdentities = identities;
  return lastIdentities;
}

function areSame(some: readonly Id[], others: readonly Id[]): boolean {
  return some.length === others.length && some.every((id, at) => isSame(id, others[at]));
}

function isSame({ scheme, id }: Id, other: Id | undefined): boolean {
  return scheme === other?.scheme && id === other.id;
}

function decodeIdentity(pair: unknown): Id {
  if (!Array.isArray(pair) || !(pair[0] instanceof Uint8Array) || !(pair[1] instanceof Uint8Array)) {
    throw new DecodeError("an identity that is not a pair of strings", 0);
  }
  return { scheme: textOf(pair[0]), id: textOf(pair[1]) };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
