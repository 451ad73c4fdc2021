/**
 * What a data directory holds, and whether it can be trusted. Looks at everything before anything is changed.
 *
 * Invariant  what a start accepts is exactly a prefix of what was ever appended, and contains all that was acknowledged
 * - The newest snapshot that is whole is taken; an older one only if the log since then is complete.
 * - From that snapshot on the segments must follow each other without a gap, and hold nothing but whole records; only
 *   the last one may end in a record that a crash has torn (torn-tail.ts), which is then cut off.
 * - The log must reach at least as far as every snapshot and the epoch file say it had come.
 * Segments that the chosen snapshot does not need are not read.
 */
import type { Disk } from "@corral/io";
import { formatZxid, zxidEpoch } from "@corral/protocol";
import { decodeEpochFile, type EpochFile, epochFileBytesMax } from "./epoch-file.ts";
import { epochFileName, type StorageFiles, segmentFileName, snapshotFileName } from "./file-names.ts";
import { decodeSegmentHeader, type SegmentHeader, scanRecords, segmentHeaderBytes } from "./segment.ts";
import { verifySnapshotFile } from "./snapshot-file.ts";
import { StorageError } from "./storage-error.ts";
import { endOfContent, judgeTail } from "./torn-tail.ts";
import { withFile } from "./whole-file.ts";

/** A segment that has been checked. */
export interface CheckedSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly size: number;
  /** Offset behind its last whole record. */
  readonly end: number;
  readonly lastZxid: number;
  readonly recordCount: number;
  /** All before this offset is known to be on the disk. */
  readonly syncedOffset: number;
}

/** What the last segment ended in, and is to be cut off. */
export interface TornTail {
  readonly segment: CheckedSegment;
  readonly why: string;
  readonly truncatedBytes: number;
}

/** A segment without a record. */
export interface EmptySegment {
  readonly path: string;
  /** Bytes of a first record that a crash has torn. */
  readonly truncatedBytes: number;
}

/** What was found. */
export interface Recovery {
  /** 0: none. */
  readonly snapshotZxid: number;
  /** Newer snapshots that could not be used, with the reason. */
  readonly damagedSnapshots: readonly { readonly zxid: number; readonly why: string }[];
  readonly epoch: EpochFile | undefined;
  /** Ascending; those that hold what the snapshot does not, at least. */
  readonly segments: readonly CheckedSegment[];
  readonly tornTail: TornTail | undefined;
  /** The last segment, if its first record never came to be: to be removed. */
  readonly emptySegment: EmptySegment | undefined;
  /** Of the last whole record, or the snapshot's. */
  readonly lastZxid: number;
}

/** Where to look. */
export interface RecoveryPlace {
  readonly disk: Disk;
  readonly directory: string;
  readonly files: StorageFiles;
  readonly chunkBytesMax: number;
}

/** Checks the directory. Throws `StorageError` if it cannot be trusted. Changes nothing. */
export async function recover(place: RecoveryPlace): Promise<Recovery> {
  const epoch = await readEpoch(place);
  const { snapshotZxid, damagedSnapshots } = await chooseSnapshot(place);
  try {
    const log = await checkLog(place, snapshotZxid, epoch !== undefined);
    requireAtLeast(place, log.lastZxid, epoch);
    return { snapshotZxid, damagedSnapshots, epoch, ...log };
  } catch (error) {
    const [newest] = damagedSnapshots;
    if (!newest || !(error instanceof StorageError)) throw error;
    const path = pathOf(place, snapshotFileName(newest.zxid));
    const instead = snapshotZxid === 0 ? "without a snapshot" : `from ${snapshotFileName(snapshotZxid)}`;
    throw new StorageError(
      `The snapshot ${path} is damaged (${newest.why}), and the server cannot start ${instead} instead: ${error.message}`,
      { file: path, cause: error },
    );
  }
}

async function readEpoch(place: RecoveryPlace): Promise<EpochFile | undefined> {
  if (!place.files.hasEpoch) return undefined;
  const path = pathOf(place, epochFileName);
  const epoch = decodeEpochFile(await withFile(place.disk, path, (file) => file.read(0, epochFileBytesMax)));
  if (epoch) return epoch;
  throw new StorageError(
    `The file ${path} is damaged. If the other files are sound, remove it: the epoch is then taken from the log.`,
    { file: path },
  );
}

async function chooseSnapshot({ disk, files, chunkBytesMax, ...place }: RecoveryPlace) {
  const damagedSnapshots: { zxid: number; why: string }[] = [];
  for (const zxid of [...files.snapshotZxids].reverse()) {
    const path = `${place.directory}/${snapshotFileName(zxid)}`;
    const verdict = await verifySnapshotFile(disk, path, zxid, chunkBytesMax);
    if (verdict.kind === "valid") return { snapshotZxid: zxid, damagedSnapshots };
    damagedSnapshots.push({ zxid, why: verdict.why });
  }
  return { snapshotZxid: 0, damagedSnapshots };
}

type CheckedLog = Pick<Recovery, "segments" | "tornTail" | "emptySegment" | "lastZxid">;

async function checkLog(place: RecoveryPlace, snapshotZxid: number, hasEpoch: boolean): Promise<CheckedLog> {
  const { found, unfinished } = await readHeaders(place, snapshotZxid);
  const segments: CheckedSegment[] = [];
  let tornTail: TornTail | undefined;
  let emptySegment = unfinished;
  if (!found[0]) {
    if (snapshotZxid > 0 && hasEpoch) throw logIsMissing(place, snapshotZxid);
    return { segments, tornTail, emptySegment, lastZxid: snapshotZxid };
  }
  let lastZxid = found[0].header.previousZxid;
  if (lastZxid > snapshotZxid) throw recordsAreMissing(place, snapshotZxid, found[0].path);
  let snapshotSeen = lastZxid === snapshotZxid;
  for (const next of found) {
    const isLast = next === found.at(-1) && !unfinished;
    if (next.header.previousZxid !== lastZxid) throw recordsAreMissing(place, lastZxid, next.path);
    const checked = await checkSegment(place, next, isLast, (zxid) => {
      snapshotSeen ||= zxid === snapshotZxid;
    });
    lastZxid = checked.segment.lastZxid;
    if (checked.segment.recordCount > 0) {
      segments.push(checked.segment);
      tornTail = checked.tornTail;
    } else if (isLast) {
      emptySegment = { path: next.path, truncatedBytes: checked.tornTail?.truncatedBytes ?? 0 };
    } else {
      throw damagedHeader(next.path, "it holds no record, but is not the last one");
    }
  }
  if (!snapshotSeen) throw snapshotIsForeign(place, snapshotZxid, lastZxid);
  return { segments, tornTail, emptySegment, lastZxid };
}

interface FoundSegment {
  readonly path: string;
  readonly header: SegmentHeader;
}

/** Headers of the segments that the snapshot needs, ascending; the last file may be one whose header was never finished. */
async function readHeaders({ disk, files, ...place }: RecoveryPlace, snapshotZxid: number) {
  const found: FoundSegment[] = [];
  let unfinished: EmptySegment | undefined;
  for (const zxid of [...files.segmentZxids].reverse()) {
    const path = `${place.directory}/${segmentFileName(zxid)}`;
    const header = await withFile(disk, path, async (file) => {
      const decoded = decodeSegmentHeader(await file.read(0, segmentHeaderBytes));
      if (decoded.kind === "header" && decoded.header.firstZxid === zxid) return decoded.header;
      if (decoded.kind === "header") throw damagedHeader(path, "its name and its header do not agree");
      if (decoded.kind === "bad") throw damagedHeader(path, decoded.why);
      const isLast = zxid === files.segmentZxids.at(-1);
      const contentEnd = await endOfContent({ file, size: await file.size(), offset: 0 });
      if (!isLast || contentEnd >= segmentHeaderBytes) throw damagedHeader(path, "its header is not complete");
      return undefined;
    });
    if (header) found.unshift({ path, header });
    else unfinished = { path, truncatedBytes: 0 };
    if (header && header.previousZxid <= snapshotZxid) break;
  }
  return { found, unfinished };
}

async function checkSegment(
  { disk }: RecoveryPlace,
  { path, header }: FoundSegment,
  mayBeTorn: boolean,
  onZxid: (zxid: number) => void,
): Promise<{ segment: CheckedSegment; tornTail: TornTail | undefined }> {
  return withFile(disk, path, async (file) => {
    const size = await file.size();
    const { disorder, ...scan } = await scanRecords({ file, size, header }, (record) => onZxid(record.zxid));
    const segment: CheckedSegment = { path, header, size, ...scan };
    if (disorder) {
      throw new StorageError(
        `The log ${path} is damaged at byte ${scan.end}: the record ${formatZxid(disorder.zxid)} there says that ` +
          `${formatZxid(disorder.previousZxid)} stands before it, but ${formatZxid(scan.lastZxid)} does. ${restoreAdvice}`,
        { file: path },
      );
    }
    const verdict = await judgeTail({ file, size, offset: scan.end });
    if (verdict.kind === "clean") return { segment, tornTail: undefined };
    if (verdict.kind === "torn" && mayBeTorn) {
      return { segment, tornTail: { segment, why: verdict.why, truncatedBytes: size - scan.end } };
    }
    const why = verdict.kind === "torn" ? `${verdict.why}, but this is not the end of the log` : verdict.why;
    throw new StorageError(
      `The log ${path} is damaged at byte ${scan.end}, after the record ${formatZxid(scan.lastZxid)}: ${why}. ` +
        `${restoreAdvice} To give up that record and all after it instead, cut the file to ${scan.end} bytes ` +
        "and move the log files after it away.",
      { file: path },
    );
  });
}

/** The log has been further than it is now, if a snapshot or the epoch file says so. */
function requireAtLeast(place: RecoveryPlace, lastZxid: number, epoch: EpochFile | undefined): void {
  const refuse = (file: string, zxid: number): never => {
    throw new StorageError(
      `The log in ${place.directory} ends at ${formatZxid(lastZxid)}, but the file ${file} shows that it had come to ` +
        `${formatZxid(zxid)}: the records between are missing. ${restoreAdvice}`,
      { file: place.directory },
    );
  };
  for (const zxid of place.files.snapshotZxids) {
    if (zxid > lastZxid) refuse(snapshotFileName(zxid), zxid);
  }
  if (!epoch) return;
  if (epoch.lastZxid > lastZxid) refuse(epochFileName, epoch.lastZxid);
  if (epoch.epoch < zxidEpoch(lastZxid)) {
    const path = pathOf(place, epochFileName);
    throw new StorageError(
      `The file ${path} says epoch ${epoch.epoch}, but the log has come to epoch ${zxidEpoch(lastZxid)}: the files are ` +
        `not of the same time. ${restoreAdvice} If only that file is old, remove it: the epoch is then taken from the log.`,
      { file: path },
    );
  }
}

const restoreAdvice = "Restore the directory from a backup.";

function damagedHeader(path: string, why: string): StorageError {
  return new StorageError(`The log ${path} cannot be used: ${why}. ${restoreAdvice}`, { file: path });
}

function logIsMissing(place: RecoveryPlace, snapshotZxid: number): StorageError {
  return new StorageError(
    `The directory ${place.directory} has snapshots, but its log files are missing. ${restoreAdvice} To go on from the ` +
      `snapshot ${snapshotFileName(snapshotZxid)} alone, without what was written after it, copy only that file into an ` +
      "empty directory and start there.",
    { file: place.directory },
  );
}

function recordsAreMissing(place: RecoveryPlace, afterZxid: number, path: string): StorageError {
  return new StorageError(
    `Log records are missing in ${place.directory}: those after ${formatZxid(afterZxid)} and before the file ${path}. ` +
      restoreAdvice,
    { file: place.directory },
  );
}

function snapshotIsForeign(place: RecoveryPlace, snapshotZxid: number, lastZxid: number): StorageError {
  const path = pathOf(place, snapshotFileName(snapshotZxid));
  return new StorageError(
    `The log in ${place.directory} has no record ${formatZxid(snapshotZxid)}, on which the snapshot ${path} is based ` +
      `(the log ends at ${formatZxid(lastZxid)}). ${restoreAdvice}`,
    { file: path },
  );
}

function pathOf(place: { readonly directory: string }, name: string): string {
  return `${place.directory}/${name}`;
}
