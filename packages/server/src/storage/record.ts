/**
 * One record of the log as bytes. All numbers are big-endian; a record starts and ends at a multiple of 8.
 *
 *     0  u32  start mark
 *     4  u32  length of the whole record
 *     8  u32  header checksum: CRC-32 of bytes 0…8 and 12…48
 *    12  u32  body checksum: CRC-32 of payload and padding as they stand here
 *    16  u64  zxid
 *    24  u64  zxid of the record before (so that a missing one is noticed; zxids jump at a new epoch)
 *    32  u64  synced offset: all of this file before it was durable when the record was written
 *    40  u32  length of the payload
 *    44  u32  mask, XORed over the payload
 *    48       payload, then zeros up to 4 before a multiple of 8
 *     …  u32  end mark
 *
 * Both checksums start from the record's offset in its file, so that a record in the wrong place is not valid, and from the
 * segment's key, which is drawn by lot: whoever does not see the file can make up no payload that has a valid record in it.
 * That matters where records are looked for behind a torn one, which may be anywhere in it (torn-tail.ts).
 *
 * A crash leaves some of the sectors of the last, unsynced records on the disk, and zeros in place of the others. The
 * layout makes such a hole certain to be seen: the part of a record that lies in one sector is never all zeros, because
 * the first part has the start mark, the last one the end mark, and the mask is chosen so that no part between is zero.
 * Bytes that are wrong without a hole have been damaged later. That is what tells a torn write (nobody was promised it)
 * from rot (somebody was).
 *
 * A record stands right behind the one before, or at the next block of the disk (`diskBlockBytes`), if both were under way
 * at the same time (see GroupSyncFile). The mask sees to it too that within a record no block starts with the start mark:
 * so a block that does has a record, or has had one.
 */
import { blockFrom, crc32, crc32StartOf, diskBlockBytes, type Random } from "@corral/io";
import { assert } from "@corral/protocol";

/** A log entry as the storage sees it: `bytes` mean nothing here. */
export interface LogRecord {
  readonly zxid: number;
  readonly bytes: Uint8Array;
}

/** What the checksums of a segment's records start from, besides their offsets: two numbers of 32 bits. */
export interface RecordKey {
  readonly header: number;
  readonly body: number;
}

/** Of segments that were written before there were keys. */
export const noKey: RecordKey = { header: 0, body: 0 };

/** Whether it is one, and not the lack of one. */
export function isKey({ header, body }: RecordKey): boolean {
  return header !== noKey.header || body !== noKey.body;
}

/** A key that nobody can guess. Its two numbers have nothing to do with each other, so that both must be guessed. */
export function drawKey(random: Random): RecordKey {
  const bytes = Buffer.from(random.bytes(8));
  return { header: bytes.readUInt32BE(0), body: bytes.readUInt32BE(4) };
}

/** What a disk writes as a whole or not at all; larger units are multiples of it. */
export const sectorBytes = 512;

/** Bytes before the payload. */
export const recordHeaderBytes = 48;

/** The first four bytes of every record. */
export const recordStartMark = 0xc0a1_5ea7;
const endMark = 0xe0d0_fb0b;
const endMarkBytes = 4;

/** What stands in front of a payload. */
export interface RecordHeader {
  /** Of the whole record. */
  readonly byteLength: number;
  readonly zxid: number;
  readonly previousZxid: number;
  readonly syncedOffset: number;
}

/** What the bytes at some place of a segment turned out to be. */
export type DecodedRecord =
  | { readonly kind: "record"; readonly header: RecordHeader; readonly payload: Buffer }
  /** The buffer ends too early: this many bytes are needed. */
  | { readonly kind: "short"; readonly bytesNeeded: number }
  /** Not a record, or a damaged one. With `header` the header at least is intact. */
  | { readonly kind: "bad"; readonly header: RecordHeader | undefined };

/** Bytes that a record with such a payload takes. */
export function recordByteLength(payloadLength: number): number {
  return Math.ceil((recordHeaderBytes + payloadLength + endMarkBytes) / 8) * 8;
}

/** Where records are to stand. */
export interface RecordPlace {
  /** The segment's. */
  readonly key: RecordKey;
  readonly position: number;
  readonly durablePosition: number;
  readonly previousZxid: number;
}

/** Encodes records that follow each other, the first one after `previousZxid`. `room` gives so many bytes of anything. */
export function encodeRecords(
  records: readonly LogRecord[],
  place: RecordPlace,
  room: (byteLength: number) => Buffer = Buffer.allocUnsafeSlow,
): Buffer {
  assert(place.position % 8 === 0, "a record starts at a multiple of 8");
  let total = 0;
  for (const record of records) total += recordByteLength(record.bytes.length);
  const target = room(total);
  let at = 0;
  let { previousZxid } = place;
  const { key } = place;
  // A view, for what writes numbers into a Buffer checks each, and does it byte for byte: that was a third of all this.
  const view = viewOf(target);
  for (const { zxid, bytes } of records) {
    const end = at + recordByteLength(bytes.length);
    const payload = at + recordHeaderBytes;
    view.setUint32(at, recordStartMark);
    view.setUint32(at + 4, end - at);
    // The mask is chosen for what stands here, not for what the room held before.
    view.setUint32(at + 8, 0);
    view.setUint32(at + 12, 0);
    setUint64(view, zxid, at + 16);
    setUint64(view, previousZxid, at + 24);
    setUint64(view, place.durablePosition, at + 32);
    view.setUint32(at + 40, bytes.length);
    view.setUint32(at + 44, 0);
    target.set(bytes, payload);
    for (let padding = payload + bytes.length; padding < end - endMarkBytes; padding++) target[padding] = 0;
    view.setUint32(end - endMarkBytes, endMark);
    const offset = place.position + at;
    view.setUint32(at + 44, applyMask(target, at, end, offset));
    view.setUint32(at + 12, crc32(target, checksumSeed(offset, key.body), payload, end - endMarkBytes));
    view.setUint32(at + 8, headerChecksum(target, at, checksumSeed(offset, key.header)));
    previousZxid = zxid;
    at = end;
  }
  return target;
}

/** Decodes the record at `at` of `buffer`, which stands at `offset` of its file. The payload is mostly a view of it. */
export function decodeRecord(buffer: Buffer, at: number, offset: number, key: RecordKey): DecodedRecord {
  if (buffer.length - at < recordHeaderBytes) return { kind: "short", bytesNeeded: recordHeaderBytes };
  const byteLength = buffer.readUInt32BE(at + 4);
  const payloadLength = buffer.readUInt32BE(at + 40);
  if (
    buffer.readUInt32BE(at) !== recordStartMark ||
    buffer.readUInt32BE(at + 8) !== headerChecksum(buffer, at, checksumSeed(offset, key.header)) ||
    byteLength !== recordByteLength(payloadLength)
  ) {
    return { kind: "bad", header: undefined };
  }
  const header: RecordHeader = {
    byteLength,
    zxid: readUint64(buffer, at + 16),
    previousZxid: readUint64(buffer, at + 24),
    syncedOffset: readUint64(buffer, at + 32),
  };
  if (buffer.length - at < byteLength) return { kind: "short", bytesNeeded: byteLength };
  const start = at + recordHeaderBytes;
  // The end mark is not compared: it is there to be missed, and the checksums vouch for all that matters.
  const seed = checksumSeed(offset, key.body);
  if (buffer.readUInt32BE(at + 12) !== crc32(buffer, seed, start, at + byteLength - endMarkBytes)) {
    return { kind: "bad", header };
  }
  const payload = buffer.subarray(start, start + payloadLength);
  const mask = buffer.readUInt32BE(at + 44);
  return { kind: "record", header, payload: mask === 0 ? payload : unmasked(payload, mask) };
}

/**
 * The key with which the record is whole that starts with these bytes, which stand at `offset`: CRC-32 runs backwards. Any bytes that
 * have the form of a record give some key, damaged ones too: something else must say that it is the segment's. Undefined: they have not.
 */
export function keyOfRecord(bytes: Buffer, offset: number): RecordKey | undefined {
  if (bytes.length < recordHeaderBytes || bytes.readUInt32BE(0) !== recordStartMark) return undefined;
  const byteLength = bytes.readUInt32BE(4);
  if (byteLength !== recordByteLength(bytes.readUInt32BE(40)) || byteLength > bytes.length) return undefined;
  const bodyEnd = byteLength - endMarkBytes;
  const behindChecksums = crc32StartOf(bytes.readUInt32BE(8), bytes, 12, recordHeaderBytes);
  return {
    header: checksumSeed(offset, crc32StartOf(behindChecksums, bytes, 0, 8)),
    body: checksumSeed(offset, crc32StartOf(bytes.readUInt32BE(12), bytes, recordHeaderBytes, bodyEnd)),
  };
}

function unmasked(payload: Buffer, mask: number): Buffer {
  const bytes = Buffer.from(payload);
  xor(bytes, mask);
  return bytes;
}

/** The zxid of the record before, if these bytes, at `offset`, are a header that is whole but perhaps for its start mark. */
export function previousZxidIn(header: Buffer, offset: number, key: RecordKey): number | undefined {
  if (header.length < recordHeaderBytes) return undefined;
  const marked = Buffer.from(header);
  marked.writeUInt32BE(recordStartMark, 0);
  const isWhole = marked.readUInt32BE(8) === headerChecksum(marked, 0, checksumSeed(offset, key.header));
  return isWhole ? readUint64(marked, 24) : undefined;
}

/** Whether some sector's part of these bytes, from `start` to `end`, is all zeros. `offset`: where `start` stands in its file. */
export function hasHole(bytes: Uint8Array, offset: number, start = 0, end = bytes.length): boolean {
  for (let from = start; from < end; ) {
    const to = Math.min(end, from + sectorBytes - ((offset + from - start) % sectorBytes));
    if (isZero(bytes, from, to)) return true;
    from = to;
  }
  return false;
}

/** Writes a number up to 2^53 − 1 into 8 bytes. */
export function writeUint64(target: Buffer, value: number, at: number): void {
  setUint64(viewOf(target), value, at);
}

function setUint64(target: DataView, value: number, at: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, "a number on disk is a whole one below 2^53");
  target.setUint32(at, Math.floor(value / 2 ** 32));
  target.setUint32(at + 4, value % 2 ** 32);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Reads 8 bytes as a number. Beyond 2^53 it is not exact, which only damaged bytes can be. */
export function readUint64(source: Buffer, at: number): number {
  return source.readUInt32BE(at) * 2 ** 32 + source.readUInt32BE(at + 4);
}

/** True if the bytes in [from, to) are all zeros. */
export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    if (bytes[at] !== 0) return false;
  }
  return true;
}

/**
 * XORs the payload with a mask that leaves no sector's part all zeros, and no block that starts with the start mark, and returns
 * the mask. Nearly always it is 0. Otherwise all masks that will not do are found in one pass, so that no payload, whoever
 * made it up, can make the search long: each part and each block rules out one mask at most.
 */
function applyMask(target: Buffer, start: number, end: number, offset: number): number {
  // Shorter ones may have a part that is padding and end mark, or header, but none that is payload alone.
  if (end - start < sectorBytes && blockFrom(offset + 1) >= offset + end - start) return 0;
  if (!hasHole(target, offset, start, end) && !hasStartMark(target, offset, start, end)) return 0;
  const payloadStart = start + recordHeaderBytes;
  const payloadEnd = payloadStart + target.readUInt32BE(start + 40);
  const excluded = excludedMasks(target, start, payloadEnd, offset);
  let mask = 0;
  for (let tries = 1; excluded.has(mask); tries += 1) mask = Math.imul(tries, 0x9e37_79b1) >>> 0;
  assert(mask !== 0, "what is not as it should be is in the payload");
  xor(target.subarray(payloadStart, payloadEnd), mask);
  return mask;
}

/** The masks with which some sector of the payload would be all zeros, or some block of it start with the start mark. */
function excludedMasks(target: Buffer, start: number, payloadEnd: number, offset: number): Set<number> {
  const excluded = new Set<number>();
  const payloadStart = start + recordHeaderBytes;
  /** Of the file's first sector or block that starts in the payload. Both are whole numbers of masks away from its start. */
  const firstOf = (unit: number) => payloadStart + ((unit - ((offset + recordHeaderBytes) % unit)) % unit);
  // A last part that is shorter by more than this has the end mark.
  const paddingMax = 3;
  for (let at = firstOf(sectorBytes); at + sectorBytes - paddingMax <= payloadEnd; at += sectorBytes) {
    const to = Math.min(at + sectorBytes, payloadEnd);
    if (isRepeated(target, at, to)) excluded.add(target.readUInt32BE(at));
  }
  for (let at = firstOf(diskBlockBytes); at + 4 <= payloadEnd; at += diskBlockBytes) {
    excluded.add((target.readUInt32BE(at) ^ recordStartMark) >>> 0);
  }
  return excluded;
}

/** Whether the bytes in [from, to) are the same four over and over. */
function isRepeated(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from + 4; at < to; at += 1) {
    if (bytes[at] !== bytes[at - 4]) return false;
  }
  return true;
}

/** Whether a block that starts within these bytes, but not with them, starts with the start mark. */
function hasStartMark(bytes: Buffer, offset: number, start: number, end: number): boolean {
  for (let at = start + blockFrom(offset + 1) - offset; at < end; at += diskBlockBytes) {
    if (bytes.readUInt32BE(at) === recordStartMark) return true;
  }
  return false;
}

function xor(bytes: Buffer, mask: number): void {
  const [m0, m1, m2, m3] = [mask >>> 24, (mask >>> 16) & 0xff, (mask >>> 8) & 0xff, mask & 0xff] as const;
  const whole = bytes.length - (bytes.length % 4);
  for (let at = 0; at < whole; at += 4) {
    bytes[at]! ^= m0;
    bytes[at + 1]! ^= m1;
    bytes[at + 2]! ^= m2;
    bytes[at + 3]! ^= m3;
  }
  for (let at = whole; at < bytes.length; at += 1) bytes[at]! ^= (mask >>> (24 - 8 * (at % 4))) & 0xff;
}

function headerChecksum(bytes: Buffer, at: number, seed: number): number {
  return crc32(bytes, crc32(bytes, seed, at, at + 8), at + 12, at + recordHeaderBytes);
}

/** `^` takes the lower 32 bits of the offset. */
function checksumSeed(offset: number, key: number): number {
  return (offset ^ key) >>> 0;
}
