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
import { PackedReader } from "./packed-reader.ts";
import { PackedWriter, textBytes } from "./packed-writer.ts";
import { digestVersion } from "./tree-digest.ts";
import type { Witness } from "./witness.ts";

/** In version 1 they did something else in some cases; see `Entry`. A server that knows no other must not apply these. */
const entryVersion = 2;
/** Up to its body; behind it may stand whether quotas are enforced, and a witness. */
const fieldsLeast = 9;
const fieldsMost = 11;

/** All of an entry but its identities and its body, at most. */
const frameBytes = 96;

const entryWriter = new PackedWriter();

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
    writer.small(digestVersion);
    writer.double(witness.zxid);
    writer.uint(witness.digest.high);
    writer.uint(witness.digest.low);
  }
  return writer.end();
}

/** @throws DecodeError when the bytes are not an entry of a version that this server knows. */
export function decodeEntry(bytes: Uint8Array): Entry {
  // Item by item: a value for everything in it would be a fifth of the time that a start takes for an entry.
  const reader = new PackedReader(bytes);
  const fields = reader.list();
  const version = reader.number();
  if (version !== entryVersion && version !== 1)
    throw new DecodeError(`an entry of version ${version}; this server knows ${entryVersion}`, 0);
  if (fields < fieldsLeast || fields > fieldsMost) throw new DecodeError(`an entry of ${fields} fields`, 0);
  const zxid = reader.number();
  const timeMs = reader.number();
  const sessionId = reader.bigInt();
  const attachment = reader.number();
  const xid = reader.number();
  const identities = decodeIdentities(reader);
  const type = reader.number();
  const body = reader.nullableBytes();
  if (body === null) throw new DecodeError("an entry without a body", 0);
  const enforcesQuota = fields > fieldsLeast && reader.bool();
  const hasWitness = fields > fieldsLeast + 1;
  const witness = hasWitness ? decodeWitness(reader) : undefined;
  if (!reader.isAtEnd) throw new DecodeError("an entry with something behind it", 0);
  return {
    zxid,
    timeMs,
    sessionId,
    attachment,
    xid,
    identities,
    operation: decodeOperation(type, new LogReader(body)),
    enforcesQuota,
    oldRules: version === 1 ? true : undefined,
    witness,
    hasOtherWitness: hasWitness && witness === undefined ? true : undefined,
  };
}

/** Digests of another version mean nothing here. */
function decodeWitness(reader: PackedReader): Witness | undefined {
  const numbers = Array.from({ length: reader.list() }, () => reader.number());
  const [version, zxid = 0, high = 0, low = 0] = numbers;
  return version === digestVersion ? { zxid, digest: { high, low } } : undefined;
}

/** Those of the entry before, and how they are written. */
let lastIdentities: readonly Id[] = [];
let lastWritten = Buffer.of(0x90);

/** The same array again for the same ones: what lists grant is remembered by it (`allows`), and a start would find out anew at each entry. */
function decodeIdentities(reader: PackedReader): readonly Id[] {
  if (reader.skip(lastWritten)) return lastIdentities;
  const start = reader.at;
  const identities = Array.from({ length: reader.list() }, () => decodeIdentity(reader));
  lastWritten = Buffer.from(reader.since(start));
  lastIdentities = identities;
  return identities;
}

function decodeIdentity(reader: PackedReader): Id {
  if (reader.list() !== 2) throw new DecodeError("an identity that is not a pair", 0);
  return { scheme: reader.text(), id: reader.text() };
}
