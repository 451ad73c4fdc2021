/**
 * Judges what stands behind the last valid record of the log's last segment: nothing, a write that a crash cut short,
 * or damage. See record.ts for why a crash leaves a trace that damage does not.
 */
import { blockFrom, type DiskFile } from "@corral/io";
import {
  decodeRecord,
  hasHole,
  isZero,
  previousZxidIn,
  type RecordHeader,
  type RecordKey,
  recordHeaderBytes,
  recordStartMark,
} from "./record.ts";

/** `torn`: nobody was promised what is there. `damaged`: it had been on the disk, or may have been. */
export type TailVerdict =
  | { readonly kind: "clean" }
  /** `bytes`: how long what is torn is, up to its last byte that is not zero. */
  | { readonly kind: "torn"; readonly why: string; readonly bytes: number }
  | { readonly kind: "damaged"; readonly why: string };

/** The bytes from `offset` on. */
export interface Stretch {
  readonly file: DiskFile;
  readonly size: number;
  readonly offset: number;
}

/** The bytes that cannot be read as a record start at `offset`. */
export interface Tail extends Stretch {
  /** The segment's. */
  readonly key: RecordKey;
}

/** A tail of a segment, behind the record `lastZxid`. */
export interface SegmentTail extends Tail {
  readonly lastZxid: number;
}

const windowBytes = 1024 * 1024;
const mark = Buffer.alloc(4);
mark.writeUInt32BE(recordStartMark);

/** Looks at the bytes and decides. */
export async function judgeTail(tail: SegmentTail): Promise<TailVerdict> {
  const contentEnd = await endOfContent(tail);
  if (contentEnd === tail.offset) return { kind: "clean" };
  const offset = await placeOfRecord(tail, contentEnd);
  const where = offset === tail.offset ? "" : `behind unused bytes, at byte ${offset}: `;
  const record = { file: tail.file, size: tail.size, offset, key: tail.key };
  const sign = await signOfTear(record, contentEnd);
  const why = `${where}${sign ?? "the record there is complete, but its checksum is wrong"}`;
  if (sign === undefined) return { kind: "damaged", why };
  const proof = await laterProof(record, contentEnd);
  if (proof !== undefined) {
    return { kind: "damaged", why: `${why}, but the record at byte ${proof} shows that it had been on the disk` };
  }
  return { kind: "torn", why, bytes: contentEnd - tail.offset };
}

/**
 * Where the record that cannot be read should be: right behind the last one, or at the next block, with zeros before it. If it
 * is only its header that is damaged, the start mark tells, or a header that is whole but for that.
 */
async function placeOfRecord({ file, offset, key, lastZxid }: SegmentTail, contentEnd: number): Promise<number> {
  const block = blockFrom(offset);
  if (block === offset || contentEnd <= block) return offset;
  const gap = await file.read(offset, block - offset);
  if (!isZero(gap, 0, gap.length)) return offset;
  const head = await file.read(block, recordHeaderBytes);
  const previousZxid = previousZxidIn(head, block, key);
  if (previousZxid !== undefined) return previousZxid === lastZxid ? block : offset;
  return head.length >= mark.length && head.subarray(0, mark.length).equals(mark) ? block : offset;
}

/** Offset behind the last byte that is not zero, `offset` if all are. */
export async function endOfContent({ file, size, offset }: Stretch): Promise<number> {
  for (let end = size; end > offset; ) {
    const start = Math.max(offset, end - windowBytes);
    const window = await file.read(start, end - start);
    for (let at = window.length - 1; at >= 0; at -= 1) {
      if (window[at] !== 0) return start + at + 1;
    }
    end = start;
  }
  return offset;
}

async function signOfTear({ file, size, offset, key }: Tail, contentEnd: number): Promise<string | undefined> {
  if (contentEnd - offset < recordHeaderBytes) return "the record there breaks off in its header";
  const head = await file.read(offset, recordHeaderBytes);
  const decoded = decodeRecord(head, 0, offset, key);
  if (decoded.kind === "bad" && !decoded.header) {
    return hasHole(head, offset) ? "the record there has a hole in its header" : undefined;
  }
  // The header is intact (a 48-byte window is otherwise too short to say more), so its length can be believed.
  const byteLength = head.readUInt32BE(4);
  if (offset + byteLength > size || contentEnd < offset + byteLength) return "the record there breaks off";
  return hasHole(await file.read(offset, byteLength), offset) ? "the record there has a hole" : undefined;
}

/**
 * Offset of a valid record further on that was written when the bytes at `tail.offset` were known to be durable. Valid
 * records that are not such a proof are what a crash left of the same unsynced batch.
 */
async function laterProof(tail: Tail, contentEnd: number): Promise<number | undefined> {
  for await (const { offset, header } of recordsBeyond(tail, contentEnd)) {
    if (header.syncedOffset > tail.offset) return offset;
  }
  return undefined;
}

/** A whole record behind bytes that are none. */
export interface RecordBeyond {
  readonly offset: number;
  readonly header: RecordHeader;
}

/**
 * Whole records further on, up to `contentEnd`, whatever stands between them. What stands there may be a payload, and somebody may
 * have made it up: without the key it could have records in it.
 */
export async function* recordsBeyond({ file, offset, key }: Tail, contentEnd: number): AsyncGenerator<RecordBeyond> {
  for (let start = offset + 8; start < contentEnd; ) {
    // The windows overlap, so that no mark is cut in two.
    const window = await file.read(start, Math.min(contentEnd - start, windowBytes + mark.length));
    let from = 0;
    for (let at = window.indexOf(mark); at >= 0; at = window.indexOf(mark, from)) {
      from = at + 1;
      const header = await recordAt(file, key, window, start + at, start, contentEnd);
      if (header === undefined) continue;
      yield { offset: start + at, header };
      from = at + header.byteLength;
    }
    start += Math.max(from, windowBytes);
  }
}

/** The record at `offset`, which is in the window that starts at `start`, if there is a whole one. */
async function recordAt(
  file: DiskFile,
  key: RecordKey,
  window: Buffer,
  offset: number,
  start: number,
  contentEnd: number,
): Promise<RecordHeader | undefined> {
  if (offset % 8 !== 0) return undefined;
  let decoded = decodeRecord(window, offset - start, offset, key);
  while (decoded.kind === "short" && decoded.bytesNeeded <= contentEnd - offset) {
    decoded = decodeRecord(await file.read(offset, decoded.bytesNeeded), 0, offset, key);
  }
  return decoded.kind === "record" ? decoded.header : undefined;
}
