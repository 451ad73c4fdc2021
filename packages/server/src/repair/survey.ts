/**
 * What can still be read of a data directory, whatever is wrong with it: which snapshots are whole, how far each segment of
 * the log can be read, and what there is behind the place where it cannot. Judges nothing; `plan.ts` does. Changes nothing.
 */
import type { Disk, DiskFile } from "@corral/io";
import { lookIntoSnapshot, type SnapshotFinding } from "../snapshot-content.ts";
import type { SnapshotMend } from "../state/snapshot-mend.ts";
import { decodeEpochFile, type EpochFile, epochFileBytesMax, otherEpochVersion } from "../storage/epoch-file.ts";
import { epochFileName, segmentFileName, snapshotFileName, sortFileNames } from "../storage/file-names.ts";
import { decodeRecord, noKey, type RecordKey, recordHeaderBytes } from "../storage/record.ts";
import type { CheckedSegment } from "../storage/recovery.ts";
import { epochIsOfOtherVersion, isOfOtherVersion } from "../storage/refusal.ts";
import {
  decodeSegmentHeader,
  possibleKeys,
  type SegmentHeader,
  scanRecords,
  segmentHeaderBytes,
} from "../storage/segment.ts";
import { endOfContent, judgeTail, recordsBeyond, type Stretch } from "../storage/torn-tail.ts";
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
  const segments: SurveyedSegment[] = [];
  for (const zxid of segmentZxids) {
    const path = `${directory}/${segmentFileName(zxid)}`;
    segments.push(await withFile(disk, path, (file) => surveySegment(file, path, zxid, new Set(snapshotZxids))));
  }
  const epoch = hasEpoch
    ? await withFile(disk, `${directory}/${epochFileName}`, (file) => file.read(0, epochFileBytesMax))
    : undefined;
  const otherVersion = epoch && otherEpochVersion(epoch);
  if (otherVersion !== undefined) {
    throw epochIsOfOtherVersion(`${directory}/${epochFileName}`, otherVersion);
  }
  return { snapshots, segments, hasEpoch, epoch: epoch && decodeEpochFile(epoch), unfinished };
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
): Promise<SurveyedSegment> {
  const size = await file.size();
  const named = { name: segmentFileName(firstZxid), firstZxid, path, size };
  const found = await headerOf(file, path, firstZxid, size);
  const header = found.header ?? { firstZxid, previousZxid: 0, keptBytes: size, key: noKey };
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
    beyond: await lookBeyond({ file, size, offset: end }, found.keys, contentEnd, disorder !== undefined),
  };
}

const nothingRead = { end: 0, lastZxid: 0, recordCount: 0, syncedOffset: 0, disorder: undefined };

/** The header, or one that says the same as its first record does; and the keys that the records may have. */
async function headerOf(
  file: DiskFile,
  path: string,
  firstZxid: number,
  size: number,
): Promise<{
  readonly header?: SegmentHeader;
  readonly keys: readonly RecordKey[];
  readonly fault: string | undefined;
}> {
  const bytes = await file.read(0, segmentHeaderBytes);
  const decoded = decodeSegmentHeader(bytes);
  if (decoded.kind === "bad" && decoded.isNewer) throw isOfOtherVersion(path, decoded.why);
  if (decoded.kind === "header" && decoded.header.firstZxid === firstZxid) {
    return { header: decoded.header, keys: [decoded.header.key], fault: undefined };
  }
  const fault =
    decoded.kind === "header"
      ? "its name and its header do not agree"
      : decoded.kind === "bad"
        ? decoded.why
        : "its header is not complete";
  const keys = possibleKeys(bytes);
  // An older segment has none, whatever has come to stand in the place of its header: the first record has a place of its own, where
  // no client's data stands. Behind it, without a key, such data could pass for records.
  for (const key of [...keys, noKey]) {
    let first = decodeRecord(await file.read(segmentHeaderBytes, recordHeaderBytes), 0, segmentHeaderBytes, key);
    if (first.kind === "short" && first.bytesNeeded <= size - segmentHeaderBytes) {
      first = decodeRecord(await file.read(segmentHeaderBytes, first.bytesNeeded), 0, segmentHeaderBytes, key);
    }
    if (first.kind !== "record" || first.header.zxid !== firstZxid) continue;
    const header = { firstZxid, previousZxid: first.header.previousZxid, keptBytes: size, key };
    return { header, keys: [key], fault };
  }
  return { keys, fault };
}

/** With the first of the keys that gives any. */
async function lookBeyond(
  { file, size, offset: end }: Stretch,
  keys: readonly RecordKey[],
  contentEnd: number,
  isRecord: boolean,
): Promise<BeyondFault | undefined> {
  // A record that is only out of order is whole itself.
  const offset = isRecord ? end - 8 : end;
  for (const key of keys) {
    let found: BeyondFault | undefined;
    for await (const { header } of recordsBeyond({ file, size, offset, key }, contentEnd)) {
      const { zxid, previousZxid } = header;
      found ??= { recordCount: 0, previousZxid, firstZxid: zxid, lastZxid: zxid };
      found = { ...found, recordCount: found.recordCount + 1, lastZxid: Math.max(found.lastZxid, zxid) };
    }
    if (found !== undefined) return found;
  }
  return undefined;
}
