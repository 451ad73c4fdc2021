/**
 * What a data directory holds, and whether it can be trusted. Looks at everything before anything is changed.
 *
 * Invariant  what a start accepts is exactly a prefix of what was ever appended, and contains all that was acknowledged
 * - The newest snapshot that is whole is taken; an older one only if the log since then is complete.
 * - From that snapshot on the segments must follow each other without a gap, and hold nothing but whole records; only
 *   the last one may end in a record that a crash has torn (torn-tail.ts), which is then cut off.
 * - The log must reach at least as far as every snapshot and the epoch file say it had come.
 * - The segment that the epoch file calls the newest must be there, and no segment may be shorter than its header says
 *   that it has been. Only one that is newer still, and than all snapshots, may be of any length, if it holds no record: its
 *   creation was cut short.
 * Segments that the chosen snapshot does not need are not read.
 */
import type { Disk } from "@corral/io";
import { zxidEpoch } from "@corral/protocol";
import { decodeEpochFile, type EpochFile, epochFileBytesMax, otherEpochVersion } from "./epoch-file.ts";
import { epochsLeft } from "./epochs.ts";
import { epochFileName, type StorageFiles, segmentFileName, snapshotFileName } from "./file-names.ts";
import {
  damagedHeader,
  damagedRecord,
  disorderedRecord,
  epochIsDamaged,
  epochIsOfOtherVersion,
  epochIsOld,
  epochIsUseless,
  headerIsCutOff,
  isOfOtherVersion,
  logIsCutOff,
  logIsMissing,
  newestLogIsMissing,
  noOlderSnapshot,
  recordsAreMissing,
  snapshotIsForeign,
  zxidIsMissing,
} from "./refusal.ts";
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
  /** Up to the last byte that is not zero. */
  readonly truncatedBytes: number;
}

/** A segment without a record. */
export interface EmptySegment {
  readonly firstZxid: number;
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
  /** First zxid of the newest segment that is left; 0 if none is. */
  readonly newestLogZxid: number;
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
    const log = await checkLog(place, snapshotZxid, epoch);
    requireAtLeast(place, log.lastZxid, epoch);
    const left = place.files.segmentZxids.filter((zxid) => zxid !== log.emptySegment?.firstZxid);
    return { snapshotZxid, damagedSnapshots, epoch, newestLogZxid: left.at(-1) ?? 0, ...log };
  } catch (error) {
    const [newest] = damagedSnapshots;
    if (!newest || !(error instanceof StorageError)) throw error;
    throw noOlderSnapshot(place.directory, newest, snapshotZxid, error);
  }
}

async function readEpoch(place: RecoveryPlace): Promise<EpochFile | undefined> {
  if (!place.files.hasEpoch) return undefined;
  const path = `${place.directory}/${epochFileName}`;
  const bytes = await withFile(place.disk, path, (file) => file.read(0, epochFileBytesMax));
  const epoch = decodeEpochFile(bytes);
  if (epoch) return epoch;
  const otherVersion = otherEpochVersion(bytes);
  if (otherVersion !== undefined) throw epochIsOfOtherVersion(path, otherVersion);
  throw epochIsDamaged(path);
}

async function chooseSnapshot({ disk, files, chunkBytesMax, ...place }: RecoveryPlace) {
  const damagedSnapshots: { zxid: number; why: string }[] = [];
  for (const zxid of [...files.snapshotZxids].reverse()) {
    const path = `${place.directory}/${snapshotFileName(zxid)}`;
    const verdict = await verifySnapshotFile(disk, path, zxid, chunkBytesMax);
    if (verdict.kind === "valid") return { snapshotZxid: zxid, damagedSnapshots };
    // Passed over, it would be taken away as damaged, and those who wrote it would miss it.
    if (verdict.isNewer) throw isOfOtherVersion(path, verdict.why);
    damagedSnapshots.push({ zxid, why: verdict.why });
  }
  return { snapshotZxid: 0, damagedSnapshots };
}

type CheckedLog = Pick<Recovery, "segments" | "tornTail" | "emptySegment" | "lastZxid">;

async function checkLog(place: RecoveryPlace, snapshotZxid: number, epoch: EpochFile | undefined): Promise<CheckedLog> {
  const { directory, files } = place;
  const newestLogZxid = epoch?.newestLogZxid ?? 0;
  const { found, unfinished } = await readHeaders(place, snapshotZxid, newestLogZxid);
  // An old copy of the epoch file may name one that has been removed since, because snapshots had made it needless. Whether what is
  // there goes on without a gap is seen below.
  const hasLater = found.some(({ header }) => header.firstZxid > newestLogZxid);
  if (newestLogZxid > 0 && !files.segmentZxids.includes(newestLogZxid) && !hasLater) {
    if (snapshotZxid > 0 && files.segmentZxids.length === 0) throw logIsMissing(directory);
    throw newestLogIsMissing(directory, newestLogZxid);
  }
  const segments: CheckedSegment[] = [];
  let tornTail: TornTail | undefined;
  let emptySegment = unfinished;
  if (!found[0]) return { segments, tornTail, emptySegment, lastZxid: snapshotZxid };
  let lastZxid = found[0].header.previousZxid;
  if (lastZxid > snapshotZxid) throw recordsAreMissing(directory, snapshotZxid, found[0].path);
  let snapshotSeen = lastZxid === snapshotZxid;
  for (const next of found) {
    const isLast = next === found.at(-1) && !unfinished;
    const { firstZxid, previousZxid } = next.header;
    if (previousZxid !== lastZxid) throw recordsAreMissing(directory, lastZxid, next.path);
    const rule = { mayBeTorn: isLast, mayBeUnfinished: isLast && firstZxid !== newestLogZxid };
    const checked = await checkSegment(place, next, rule, (zxid) => {
      snapshotSeen ||= zxid === snapshotZxid;
    });
    lastZxid = checked.segment.lastZxid;
    if (checked.segment.recordCount > 0) {
      segments.push(checked.segment);
      tornTail = checked.tornTail;
    } else if (isLast) {
      emptySegment = { firstZxid, path: next.path, truncatedBytes: checked.tornTail?.truncatedBytes ?? 0 };
    } else {
      throw damagedHeader(next.path, "it holds no record, but is not the last one");
    }
  }
  if (!snapshotSeen) throw snapshotIsForeign(directory, snapshotZxid, lastZxid);
  return { segments, tornTail, emptySegment, lastZxid };
}

interface FoundSegment {
  readonly path: string;
  readonly header: SegmentHeader;
}

/** Headers of the segments that the snapshot needs, ascending; the last file may be one whose header was never finished. */
async function readHeaders({ disk, files, ...place }: RecoveryPlace, snapshotZxid: number, newestLogZxid: number) {
  const found: FoundSegment[] = [];
  let unfinished: EmptySegment | undefined;
  for (const zxid of [...files.segmentZxids].reverse()) {
    const path = `${place.directory}/${segmentFileName(zxid)}`;
    const header = await withFile(disk, path, async (file) => {
      const decoded = decodeSegmentHeader(await file.read(0, segmentHeaderBytes));
      if (decoded.kind === "header" && decoded.header.firstZxid === zxid) return decoded.header;
      if (decoded.kind === "header") throw damagedHeader(path, "its name and its header do not agree");
      if (decoded.kind === "bad") {
        throw decoded.isNewer ? isOfOtherVersion(path, decoded.why) : damagedHeader(path, decoded.why);
      }
      const isLast = zxid === files.segmentZxids.at(-1);
      const size = await file.size();
      if (zxid === newestLogZxid && size < segmentHeaderBytes) throw headerIsCutOff(path, zxid, size);
      // A snapshot that is not older has its first entry.
      const isOlder = zxid <= (files.snapshotZxids.at(-1) ?? 0);
      const mayBeUnfinished = isLast && zxid !== newestLogZxid && !isOlder;
      const contentEnd = await endOfContent({ file, size, offset: 0 });
      if (!mayBeUnfinished || contentEnd >= segmentHeaderBytes) throw damagedHeader(path, "its header is not complete");
      return undefined;
    });
    if (header) found.unshift({ path, header });
    else unfinished = { firstZxid: zxid, path, truncatedBytes: 0 };
    // One that the epoch file does not name yet says nothing about the one that it does.
    const isNamed = newestLogZxid === 0 || zxid <= newestLogZxid;
    if (header && header.previousZxid <= snapshotZxid && isNamed) break;
  }
  return { found, unfinished };
}

async function checkSegment(
  { disk }: RecoveryPlace,
  { path, header }: FoundSegment,
  rule: { readonly mayBeTorn: boolean; readonly mayBeUnfinished: boolean },
  onZxid: (zxid: number) => void,
): Promise<{ segment: CheckedSegment; tornTail: TornTail | undefined }> {
  return withFile(disk, path, async (file) => {
    const size = await file.size();
    const { disorder, ...scan } = await scanRecords({ file, size, header }, (record) => onZxid(record.zxid));
    const segment: CheckedSegment = { path, header, size, ...scan };
    if (disorder) throw disorderedRecord(segment, disorder);
    const verdict = await judgeTail({ file, size, offset: scan.end, key: header.key, lastZxid: scan.lastZxid });
    if (size < header.keptBytes) {
      const isUnfinished = rule.mayBeUnfinished && scan.recordCount === 0 && verdict.kind === "clean";
      if (!isUnfinished) throw logIsCutOff(segment);
    }
    if (verdict.kind === "clean") return { segment, tornTail: undefined };
    if (verdict.kind === "torn" && rule.mayBeTorn) {
      return { segment, tornTail: { segment, why: verdict.why, truncatedBytes: verdict.bytes } };
    }
    const why = verdict.kind === "torn" ? `${verdict.why}, but this is not the end of the log` : verdict.why;
    throw damagedRecord(segment, why);
  });
}

/** The log has been further than it is now, if a snapshot or the epoch file says so. */
function requireAtLeast(place: RecoveryPlace, lastZxid: number, epoch: EpochFile | undefined): void {
  const { directory, files } = place;
  for (const zxid of files.snapshotZxids) {
    if (zxid > lastZxid) throw zxidIsMissing(directory, lastZxid, { file: snapshotFileName(zxid), zxid });
  }
  if (!epoch) return;
  if (epoch.lastZxid > lastZxid) {
    throw zxidIsMissing(directory, lastZxid, { file: epochFileName, zxid: epoch.lastZxid });
  }
  if (epoch.epoch < zxidEpoch(lastZxid)) throw epochIsOld(directory, epoch.epoch, lastZxid);
  // A server could only serve what it has, and need not: without the file it has epochs again, and nothing is lost.
  const isUseless = epochsLeft(epoch.epoch) === 0 && epochsLeft(zxidEpoch(lastZxid)) > 0;
  if (isUseless) throw epochIsUseless(directory, epoch.epoch, lastZxid);
}
