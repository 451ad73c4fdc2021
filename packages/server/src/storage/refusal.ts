/**
 * Why a start is refused, each in a sentence for the operator: which file, where in it, what is lost after which record,
 * and what can be done.
 */
import { formatZxid, zxidEpoch } from "@corral/protocol";
import { lastEpoch } from "./epochs.ts";
import { epochFileName, segmentFileName, snapshotFileName } from "./file-names.ts";
import type { RecordHeader } from "./record.ts";
import type { CheckedSegment } from "./recovery.ts";
import { StorageError } from "./storage-error.ts";

// Nobody is told how to give something up by hand: whoever removes files, `epoch` among them, has fencing tokens given out again.
const restoreAdvice =
  "Restore the directory from a backup, or see with corral-server repair what can be saved, and what is lost by it; with --yes " +
  "that is done, and fencing tokens keep growing.";

/** The state that a log leads to is not the one that its entries were written for. */
export function differentState(where: {
  readonly file: string;
  readonly zxid: number;
  readonly witness: { readonly zxid: number; readonly digest: string };
  readonly digest: string;
}): StorageError {
  const { file, zxid, witness, digest } = where;
  return new StorageError(
    `The log ${file} leads to another state than the one that it was written for: its entry ${formatZxid(zxid)} says that the ` +
      `state after ${formatZxid(witness.zxid)} had the digest ${witness.digest}, but it is ${digest} here. Files of different ` +
      `servers have been mixed, or this version applies an entry otherwise than the one that wrote it. Start the version that ` +
      `wrote it. ${restoreAdvice}`,
    { file, content: "contradicts" },
  );
}

/** A snapshot's bytes are those that were written, but not the state that the server had. */
export function wrongSnapshot(file: string, why: string, cause?: Error): StorageError {
  return new StorageError(
    `The snapshot ${file} is not damaged, but holds a wrong state: ${why}. See with corral-server verify which snapshots are ` +
      "sound, and with corral-server repair what can be saved (without --yes it changes nothing), or restore the directory from a backup.",
    { file, cause, content: "contradicts" },
  );
}

/** The snapshot that an entry of the log puts in the place of the state is none that a server has. */
export function wrongRestore(file: string, zxid: number, why: string, cause: Error): StorageError {
  return new StorageError(
    `The entry ${formatZxid(zxid)} of the log ${file} restores a snapshot that holds a wrong state: ${why}. An earlier version took it in ` +
      "and may have gone on with it. See with corral-server repair what was written before can be saved (without --yes it changes " +
      "nothing), or restore the directory from a backup.",
    { file, cause, content: "contradicts" },
  );
}

/** What is on the disk is whole, but this version cannot make sense of it. */
export function unknownContent(file: string, what: string, cause: Error): StorageError {
  return new StorageError(
    `The file ${file} cannot be understood: ${what}: ${cause.message}. Start the version that wrote it, or restore the ` +
      "directory from a backup.",
    { file, cause, content: "unknown" },
  );
}

/** The epoch file cannot be read. */
export function epochIsDamaged(path: string): StorageError {
  return new StorageError(`The file ${path} is damaged. ${restoreAdvice}`, { file: path });
}

/** A file is whole, but of a version that only others know. `why` names both. */
export function isOfOtherVersion(path: string, why: string): StorageError {
  return new StorageError(`Nothing is wrong with ${path}, but ${why}. Use the version that wrote it.`, {
    file: path,
    content: "unknown",
  });
}

/** The epoch file is whole, but not of this version: removed, it would be missed by the version that wrote it. */
export function epochIsOfOtherVersion(path: string, version: number): StorageError {
  return new StorageError(
    `Nothing is wrong with the file ${path}, but its format has version ${version}, this program knows 1. Start the version that wrote it.`,
    { file: path, content: "unknown" },
  );
}

/** The log has come to a later epoch than the epoch file. */
export function epochIsOld(directory: string, epoch: number, lastZxid: number): StorageError {
  const path = `${directory}/${epochFileName}`;
  return new StorageError(
    `The file ${path} says epoch ${epoch}, but the log has come to epoch ${zxidEpoch(lastZxid)}: the files are ` +
      `not of the same time. ${restoreAdvice}`,
    { file: path },
  );
}

/** No epoch is left, but nothing was written in the last ones. */
export function epochIsUseless(directory: string, epoch: number, lastZxid: number): StorageError {
  const path = `${directory}/${epochFileName}`;
  return new StorageError(
    `The file ${path} says epoch ${epoch}, and there is none after ${lastEpoch} in which a server could begin. Nothing was ever ` +
      `written in an epoch after ${zxidEpoch(lastZxid)}, so no fencing token was given out there: remove that file, and the epoch ` +
      "is taken from the log. If it was raised above another server's tokens, resources that have seen those refuse the new ones.",
    { file: path },
  );
}

/** The newest snapshot is damaged, and with the one before it does not work either. */
export function noOlderSnapshot(
  directory: string,
  newest: { readonly zxid: number; readonly why: string },
  olderZxid: number,
  cause: StorageError,
): StorageError {
  const path = `${directory}/${snapshotFileName(newest.zxid)}`;
  const instead = olderZxid === 0 ? "without a snapshot" : `from ${snapshotFileName(olderZxid)}`;
  return new StorageError(
    `The snapshot ${path} is damaged (${newest.why}), and the server cannot start ${instead} instead: ${cause.message}`,
    { file: path, cause },
  );
}

/** A segment's header makes no sense. */
export function damagedHeader(path: string, why: string): StorageError {
  return new StorageError(`The log ${path} cannot be used: ${why}. ${restoreAdvice}`, { file: path });
}

/** The newest segment is shorter than a header. */
export function headerIsCutOff(path: string, firstZxid: number, size: number): StorageError {
  return new StorageError(
    `The log ${path} has been cut off at byte ${size}, in its header: the records from ${formatZxid(firstZxid)} on are ` +
      `missing. ${restoreAdvice}`,
    { file: path },
  );
}

/** A segment is shorter than it has been. */
export function logIsCutOff({ path, header, size, end, lastZxid }: CheckedSegment): StorageError {
  return new StorageError(
    `The log ${path} has been cut off at byte ${size}: it has ${size} bytes, but has had ${header.keptBytes}. Records after ` +
      `${formatZxid(lastZxid)}, which ends at byte ${end}, may be missing. ${restoreAdvice}`,
    { file: path },
  );
}

/** A record within a segment is damaged. */
export function damagedRecord({ path, end, lastZxid }: CheckedSegment, why: string): StorageError {
  return new StorageError(
    `The log ${path} is damaged at byte ${end}, after the record ${formatZxid(lastZxid)}: ${why}. ${restoreAdvice}`,
    { file: path },
  );
}

/** A whole record does not follow the one before it. */
export function disorderedRecord({ path, end, lastZxid }: CheckedSegment, disorder: RecordHeader): StorageError {
  return new StorageError(
    `The log ${path} is damaged at byte ${end}: the record ${formatZxid(disorder.zxid)} there says that ` +
      `${formatZxid(disorder.previousZxid)} stands before it, but ${formatZxid(lastZxid)} does. ${restoreAdvice}`,
    { file: path },
  );
}

/** The segment that has been the newest is not there. */
export function newestLogIsMissing(directory: string, firstZxid: number): StorageError {
  const path = `${directory}/${segmentFileName(firstZxid)}`;
  return new StorageError(
    `The log ${path} is missing, and with it the records from ${formatZxid(firstZxid)} on. ${restoreAdvice}`,
    { file: path },
  );
}

/** There are snapshots, but no segments. */
export function logIsMissing(directory: string): StorageError {
  return new StorageError(`The directory ${directory} has snapshots, but its log files are missing. ${restoreAdvice}`, {
    file: directory,
  });
}

/** A segment between others is missing, or the first ones are. */
export function recordsAreMissing(directory: string, afterZxid: number, path: string): StorageError {
  return new StorageError(
    `Log records are missing in ${directory}: those after ${formatZxid(afterZxid)} and before the file ${path}. ${restoreAdvice}`,
    { file: directory },
  );
}

/** The log ends before a zxid that another file names. */
export function zxidIsMissing(
  directory: string,
  lastZxid: number,
  shown: { readonly file: string; readonly zxid: number },
): StorageError {
  return new StorageError(
    `The log in ${directory} ends at ${formatZxid(lastZxid)}, but the file ${shown.file} shows that it had come to ` +
      `${formatZxid(shown.zxid)}: the records between are missing. ${restoreAdvice}`,
    { file: directory },
  );
}

/** The log does not hold the record after which a snapshot was taken. */
export function snapshotIsForeign(directory: string, snapshotZxid: number, lastZxid: number): StorageError {
  const path = `${directory}/${snapshotFileName(snapshotZxid)}`;
  return new StorageError(
    `The log in ${directory} has no record ${formatZxid(snapshotZxid)}, on which the snapshot ${path} is based ` +
      `(the log ends at ${formatZxid(lastZxid)}). ${restoreAdvice}`,
    { file: path },
  );
}
