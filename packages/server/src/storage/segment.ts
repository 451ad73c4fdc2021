/**
 * A segment of the log: the file `log.<first zxid>`, a header and then records one after the other, each right behind the
 * one before or at the next block of the disk. What follows the last record is zeros, written ahead so that syncing is quick.
 *
 *     0  8 bytes  "CORRALWL"
 *     8  u32      version of the format, 3; in 2 there was no key, in 1 all records stood right behind each other
 *    12  u32      CRC-32 of the other bytes up to 60
 *    16  u64      zxid of the first record
 *    24  u64      zxid of the last record of the segment before; 0 in the very first one
 *    32  u64      kept bytes: the whole file is at least this long, for so long it has been on the disk
 *    40  2 × u32  key of the records' checksums (record.ts); zeros: none
 *    48  2 × u32  the same key, to say for a repair of this header that what the first record gives is the key (record.ts)
 *    56           zeros
 *    60  u32      end mark
 *
 * The header is durable before the first record is written. A segment starts only when everything before it is durable.
 *
 * Nothing is acknowledged that is not within the kept bytes. A crash never makes a file shorter than it was when it was
 * synced; so a file that is shorter than that has been cut by somebody. As the file grows, that one number of its header
 * is written anew (segment-file.ts), in the sector where it was, which a crash leaves as it was or as it is to be.
 *
 * A segment without a key is not written on, and keeps the header that it has: the version that wrote it can still read it. A
 * repair makes that one of version 2.
 */
import { blockFrom, crc32, type DiskFile } from "@corral/io";
import { assert } from "@corral/protocol";
import { ReadAhead } from "./read-ahead.ts";
import { decodeRecord, isKey, noKey, type RecordHeader, type RecordKey, readUint64, writeUint64 } from "./record.ts";

/** Bytes before the first record. */
export const segmentHeaderBytes = 64;

const magic = Buffer.from("CORRALWL", "latin1");
const version = 3;
const oldestVersion = 1;
const unkeyedVersion = 2;
const keyOffsets = [40, 48] as const;
const endMark = 0x5e9e_ad0f;

/** What the head of a segment says. */
export interface SegmentHeader {
  readonly firstZxid: number;
  readonly previousZxid: number;
  readonly keptBytes: number;
  readonly key: RecordKey;
}

/**
 * A header, or why there is none. `incomplete`: the bytes stop before its end, as when its creation was interrupted;
 * `isNewer`: nothing is wrong with it, it is of a version that is not known here.
 */
export type DecodedSegmentHeader =
  | { readonly kind: "header"; readonly header: SegmentHeader }
  | { readonly kind: "incomplete" }
  | { readonly kind: "bad"; readonly why: string; readonly isNewer?: boolean };

/** The first bytes of a segment. */
export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  magic.copy(bytes);
  bytes.writeUInt32BE(isKey(header.key) ? version : unkeyedVersion, 8);
  writeUint64(bytes, header.firstZxid, 16);
  writeUint64(bytes, header.previousZxid, 24);
  writeUint64(bytes, header.keptBytes, 32);
  for (const at of keyOffsets) {
    bytes.writeUInt32BE(header.key.header, at);
    bytes.writeUInt32BE(header.key.body, at + 4);
  }
  bytes.writeUInt32BE(endMark, 60);
  bytes.writeUInt32BE(headerChecksum(bytes), 12);
  return bytes;
}

/** Decodes the first bytes of a segment: `segmentHeaderBytes` of them, or fewer if the file is shorter. */
export function decodeSegmentHeader(bytes: Buffer): DecodedSegmentHeader {
  const start = bytes.subarray(0, magic.length);
  if (start.length === magic.length && start[magic.length - 1] !== 0 && !start.equals(magic)) {
    return { kind: "bad", why: "it does not start as a log of Corral" };
  }
  if (bytes.length < segmentHeaderBytes || bytes[segmentHeaderBytes - 1] === 0) return { kind: "incomplete" };
  if (bytes.readUInt32BE(12) !== headerChecksum(bytes)) return { kind: "bad", why: "its header's checksum is wrong" };
  const found = bytes.readUInt32BE(8);
  if (found < oldestVersion || found > version) {
    const why = `its format has version ${found}, this program knows ${oldestVersion} to ${version}`;
    return { kind: "bad", why, isNewer: true };
  }
  const header = {
    firstZxid: readUint64(bytes, 16),
    previousZxid: readUint64(bytes, 24),
    keptBytes: readUint64(bytes, 32),
    key: found <= unkeyedVersion ? noKey : keyAt(bytes, keyOffsets[0]),
  };
  if (header.previousZxid >= header.firstZxid) return { kind: "bad", why: "its header contradicts itself" };
  return { kind: "header", header };
}

/** The keys that a segment can have whose first bytes these are, though they are damaged. */
export function possibleKeys(bytes: Buffer): RecordKey[] {
  return bytes.length < segmentHeaderBytes ? [] : keyOffsets.map((at) => keyAt(bytes, at));
}

function keyAt(bytes: Buffer, at: number): RecordKey {
  return { header: bytes.readUInt32BE(at), body: bytes.readUInt32BE(at + 4) };
}

/** Where a scan of records begins. */
export interface ScanStart {
  readonly file: DiskFile;
  readonly size: number;
  readonly header: SegmentHeader;
}

/** How far valid records reach. */
export interface ScanResult {
  /** Offset behind the last valid record. */
  readonly end: number;
  /** Zxid of the last valid record; the header's previous one if there is none. */
  readonly lastZxid: number;
  readonly recordCount: number;
  /** The synced offset that the last valid record carries; `segmentHeaderBytes` if there is none. */
  readonly syncedOffset: number;
  /** Set if the scan ended at a valid record that does not follow the one before it. */
  readonly disorder: RecordHeader | undefined;
}

/** Called with every valid record, and the offset behind it. Who keeps the payload keeps what was read with it: some 100 KiB. */
export type RecordVisitor = (header: RecordHeader, payload: Buffer, end: number) => void;

/** Reads records from the beginning of a segment to the first place that is not one, or does not follow. */
export async function scanRecords(start: ScanStart, visit: RecordVisitor): Promise<ScanResult> {
  const ahead = new ReadAhead(start.file, start.size, segmentHeaderBytes);
  try {
    return await scan(start, ahead, visit);
  } finally {
    await ahead.end();
  }
}

async function scan({ size, header }: ScanStart, ahead: ReadAhead, visit: RecordVisitor): Promise<ScanResult> {
  let end = segmentHeaderBytes;
  /** Where the next record is looked for: there, or at the next block. */
  let at = end;
  let lastZxid = header.previousZxid;
  let recordCount = 0;
  let syncedOffset = segmentHeaderBytes;
  let window: Buffer = Buffer.alloc(0);
  let windowStart = end;
  const result = (disorder?: RecordHeader): ScanResult => ({ end, lastZxid, recordCount, syncedOffset, disorder });
  for (;;) {
    const decoded = decodeRecord(window, at - windowStart, at, header.key);
    if (decoded.kind === "short" && decoded.bytesNeeded <= size - at) {
      windowStart = at;
      window = await ahead.from(at, decoded.bytesNeeded);
      assert(window.length >= decoded.bytesNeeded, "nobody shortens a log while it is being read");
      continue;
    }
    if (decoded.kind !== "record") {
      const block = blockFrom(end);
      if (at === block || recordCount === 0) return result();
      at = block;
      continue;
    }
    const { header: record } = decoded;
    const isFirst = recordCount === 0;
    if (record.previousZxid !== lastZxid || record.zxid <= lastZxid || (isFirst && record.zxid !== header.firstZxid)) {
      // Behind a gap it may be what is left of a write whose first blocks were lost: for the judge of tails.
      return at === end ? result(record) : result();
    }
    end = at + record.byteLength;
    at = end;
    visit(record, decoded.payload, end);
    lastZxid = record.zxid;
    syncedOffset = record.syncedOffset;
    recordCount += 1;
  }
}

function headerChecksum(bytes: Buffer): number {
  return crc32(bytes.subarray(16, 60), crc32(bytes.subarray(0, 12)));
}
