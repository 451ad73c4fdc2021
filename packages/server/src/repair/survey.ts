/**
 * What can still be read of a data directory, whatever is wrong with it: which snapshots are whole, how far each segment of
 * the log can be read, and what there is behind the place where it cannot. Judges nothing; `plan.ts` does. Changes nothing.
 */
import type { Disk, DiskFile } from "@corral/io";
import { zxidEpoch } from "@corral/protocol";
import { lookIntoSnapshot, type SnapshotFinding } from "../snapshot-content.ts";
import type { SnapshotMend } from "../state/snapshot-mend.ts";
import { decodeEpochFile, type EpochFile, epochFileBytesMax, otherEpochVersion } from "../storage/epoch-file.ts";
import { epochFileName, segmentFileName, snapshotFileName, sortFileNames } from "../storage/file-names.ts";
import { decodeRecord, isKey, keyOfRecord, noKey, type RecordKey, recordHeaderBytes } from "../storage/record.ts";
import type { CheckedSegment } from "../storage/recovery.ts";
import { epochIsOfOtherVersion, isOfOtherVersion } from "../storage/refusal.ts";
import {
  decodeSegmentHeader,
  possibleKeys,
  type SegmentHeader,
  scanRecords,
  segmentHeaderBytes,
} from "../storage/segment.ts";
import { endOfContent, judgeTail, recordsBeyond, type Tail } from "../storage/torn-tail.ts";
import { withFile } from "../storage/whole-file.ts";

/** A snapshot's file. */
export interface SurveyedSnapshot {
  readonly name: string;
  readonly zxid: number;
  /** Why it cannot be used as it is, if it cannot: a clause after its name. */
  readonly fault: string | undefined;
  /** It means nothing to this version, for all that is known by now. */
  readonly isUnknown: boolean;
  /** What could be taken of it nevertheless, if all its bytes are right but its content is not. */
  readonly mend: SnapshotMendFound | undefined;
}

/** `isExact`: with it the snapshot is what it should have been. */
export type SnapshotMendFound = SnapshotMend & { readonly isExact: boolean };

/** Whole records behind bytes that are none. */
export interface BeyondFault {
  readonly recordCount: number;
  /** zxid that the first of them names as the one before it: the last one that cannot be read. */
  readonly previousZxid: number;
  readonly firstZxid: number;
  readonly lastZxid: number;
}

/** A segment's file. */
export interface SurveyedSegment extends CheckedSegment {
  readonly name: string;
  /** From its name. */
  readonly firstZxid: number;
  /** Why its header had to be guessed from its first record, or could not be. */
  readonly headerFault: string | undefined;
  /** Whether the header is known, and with it what the records belong to. */
  readonly isReadable: boolean;
  /** What stands at `end`, in words; undefined: nothing but zeros. */
  readonly fault: string | undefined;
  /** That is a write which a crash cut short, or nothing says otherwise. */
  readonly isTorn: boolean;
  /** Bytes from `end` to the last one that is not zero. */
  readonly unreadBytes: number;
  /** How many bytes the file has been longer. */
  readonly missingBytes: number;
  readonly beyond: BeyondFault | undefined;
  /** Those of the snapshots' zxids that its readable records have. */
  readonly snapshotZxids: ReadonlySet<number>;
}

/** Everything that was found. */
export interface Survey {
  /** Ascending. */
  readonly snapshots: readonly SurveyedSnapshot[];
  /** Ascending. */
  readonly segments: readonly SurveyedSegment[];
  readonly hasEpoch: boolean;
  /** Undefined if the file is not there, or cannot be read. */
  readonly epoch: EpochFile | undefined;
  /** Names of files that were not finished. */
  readonly unfinished: readonly string[];
}

/** @throws StorageError when a file is of a version that is not known here: nothing is wrong with it then. */
export async function survey(disk: Disk, directory: string, chunkBytesMax: number): Promise<Survey> {
  const { snapshotZxids, segmentZxids, hasEpoch, unfinished } = sortFileNames(await disk.list(directory));
  const snapshots: SurveyedSnapshot[] = [];
  for (const zxid of snapshotZxids) {
    const name = snapshotFileName(zxid);
    const path = `${directory}/${name}`;
    const found = await lookIntoSnapshot({ disk, directory, zxid, chunkBytesMax });
    if (found.kind === "damaged" && found.isNewer) throw isOfOtherVersion(path, found.why);
    const mend = found.kind === "wrong" ? found.mend : undefined;
    snapshots.push({ name, zxid, fault: faultOf(found), isUnknown: found.kind === "unknown", mend });
  }
  const epoch = hasEpoch ? await surveyEpoch(disk, `${directory}/${epochFileName}`) : undefined;
  const epochMax = epoch?.epoch ?? zxidEpoch(Math.max(0, ...snapshotZxids, ...segmentZxids));
  const segments: SurveyedSegment[] = [];
  for (const zxid of segmentZxids) {
    const path = `${directory}/${segmentFileName(zxid)}`;
    const asked = new Set(snapshotZxids);
    segments.push(await withFile(disk, path, (file) => surveySegment(file, path, zxid, asked, epochMax)));
  }
  return { snapshots, segments, hasEpoch, epoch, unfinished };
}

async function surveyEpoch(disk: Disk, path: string): Promise<EpochFile | undefined> {
  const bytes = await withFile(disk, path, (file) => file.read(0, epochFileBytesMax));
  const otherVersion = otherEpochVersion(bytes);
  if (otherVersion !== undefined) throw epochIsOfOtherVersion(path, otherVersion);
  return decodeEpochFile(bytes);
}

/** None of what means nothing here: it may be needed (trial.ts). */
function faultOf(found: SnapshotFinding): string | undefined {
  if (found.kind === "damaged") return `is damaged: ${found.why}`;
  return found.kind === "wrong" ? `holds a wrong state: ${found.why}` : undefined;
}

async function surveySegment(
  file: DiskFile,
  path: string,
  firstZxid: number,
  asked: ReadonlySet<number>,
  epochMax: number,
): Promise<SurveyedSegment> {
  const size = await file.size();
  const named = { name: segmentFileName(firstZxid), firstZxid, path, size };
  const found = await headerOf(file, path, firstZxid, size);
  const header = found.header ?? { firstZxid, previousZxid: 0, keptBytes: size, key: await keyInHeader(file) };
  const snapshotZxids = new Set<number>();
  const note = ({ zxid }: { zxid: number }) => {
    if (asked.has(zxid)) snapshotZxids.add(zxid);
  };
  const readable = found.header !== undefined;
  const scan = readable ? await scanRecords({ file, size, header }, note) : nothingRead;
  const { end, lastZxid, recordCount, syncedOffset, disorder } = scan;
  const contentEnd = await endOfContent({ file, size, offset: end });
  const verdict = readable ? await judgeTail({ file, size, offset: end, key: header.key, lastZxid }) : undefined;
  const why = verdict === undefined || verdict.kind === "clean" ? undefined : verdict.why;
  return {
    ...named,
    header,
    headerFault: found.fault,
    isReadable: readable,
    end,
    lastZxid,
    recordCount,
    syncedOffset,
    snapshotZxids,
    fault: disorder ? "the record there does not follow the one before it" : (why ?? found.fault),
    isTorn: verdict?.kind === "torn",
    unreadBytes: contentEnd - end,
    missingBytes: Math.max(0, header.keptBytes - size),
    // Without a key what a client has sent could pass for records.
    beyond:
      readable || isKey(header.key)
        ? await lookBeyond(
            { file, size, offset: end, key: header.key },
            contentEnd,
            disorder !== undefined,
            Math.max(epochMax, zxidEpoch(lastZxid)),
          )
        : undefined,
  };
}

const nothingRead = { end: 0, lastZxid: 0, recordCount: 0, syncedOffset: 0, disorder: undefined };

/** The header, or one that says the same as its first record does. */
async function headerOf(
  file: DiskFile,
  path: string,
  firstZxid: number,
  size: number,
): Promise<{ readonly header?: SegmentHeader; readonly fault: string | undefined }> {
  const bytes = await file.read(0, segmentHeaderBytes);
  const decoded = decodeSegmentHeader(bytes);
  if (decoded.kind === "bad" && decoded.isNewer) throw isOfOtherVersion(path, decoded.why);
  if (decoded.kind === "header" && decoded.header.firstZxid === firstZxid) {
    return { header: decoded.header, fault: undefined };
  }
  const fault =
    decoded.kind === "header"
      ? "its name and its header do not agree"
      : decoded.kind === "bad"
        ? decoded.why
        : "its header is not complete";
  const header = await headerByFirstRecord(file, bytes, firstZxid, size);
  return header === undefined ? { fault } : { header, fault };
}

/**
 * The first record has a place of its own, where no client's data stands, and its zxid is the file's name. The key with which it is
 * whole is the segment's if what is left of the header says so, if it is none, as in an older segment, or if the second
 * record is whole with it too.
 */
async function headerByFirstRecord(
  file: DiskFile,
  bytes: Buffer,
  firstZxid: number,
  size: number,
): Promise<SegmentHeader | undefined> {
  const start = await file.read(segmentHeaderBytes, recordHeaderBytes);
  const length = start.length < recordHeaderBytes ? 0 : start.readUInt32BE(4);
  if (length > size - segmentHeaderBytes) return undefined;
  const record = await file.read(segmentHeaderBytes, length);
  const key = keyOfRecord(record, segmentHeaderBytes);
  const first = key && decodeRecord(record, 0, segmentHeaderBytes, key);
  if (key === undefined || first?.kind !== "record" || first.header.zxid !== firstZxid) return undefined;
  const header = { firstZxid, previousZxid: first.header.previousZxid, keptBytes: size, key };
  const isInHeader = possibleKeys(bytes).some((one) => one.header === key.header && one.body === key.body);
  if (isInHeader || !isKey(key)) return header;
  const { recordCount } = await scanRecords({ file, size, header }, () => undefined);
  return recordCount > 1 ? header : undefined;
}

/** Of a header that cannot be read: the key, if both its places say the same; else none. */
async function keyInHeader(file: DiskFile): Promise<RecordKey> {
  const [key, other] = possibleKeys(await file.read(0, segmentHeaderBytes));
  return key !== undefined && key.header === other?.header && key.body === other.body ? key : noKey;
}

/** What a client has sent can pass for a record where there is no key: so an epoch that may never have been counts for nothing there. */
async function lookBeyond(
  tail: Tail,
  contentEnd: number,
  isRecord: boolean,
  epochMax: number,
): Promise<BeyondFault | undefined> {
  // A record that is only out of order is whole itself.
  const offset = isRecord ? tail.offset - 8 : tail.offset;
  let found: BeyondFault | undefined;
  for await (const { header } of recordsBeyond({ ...tail, offset }, contentEnd)) {
    const { zxid, previousZxid } = header;
    if (!isKey(tail.key) && zxidEpoch(zxid) > epochMax) continue;
    found ??= { recordCount: 0, previousZxid, firstZxid: zxid, lastZxid: zxid };
    found = { ...found, recordCount: found.recordCount + 1, lastZxid: Math.max(found.lastZxid, zxid) };
  }
  return found;
}
