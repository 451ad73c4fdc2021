/**
 * What the files of a data directory are called. Numbers are hexadecimal zxids, as the field's tools print them.
 *   epoch               the current epoch, and which log is the newest (epoch-file.ts)
 *   snapshot.<zxid>     the state after that zxid (snapshot-file.ts)
 *   log.<zxid>          a log segment that starts with that zxid (segment.ts)
 *   <name>.tmp          not finished, or no longer needed: removed at the next start
 *   <name>.damaged      a snapshot that could not be read: kept for people to look at, otherwise ignored
 * Everything else in the directory is left alone.
 */

/** The file that holds the current epoch. */
export const epochFileName = "epoch";

/** Ends the name of a file that is still being written, or is being removed. */
export const unfinishedSuffix = ".tmp";

/** Ends the name of a file that was found to be damaged. */
export const damagedSuffix = ".damaged";

/** Name of the snapshot of the state after `zxid`. */
export function snapshotFileName(zxid: number): string {
  return `snapshot.${zxid.toString(16)}`;
}

/** Name of the log segment whose first record is `zxid`. */
export function segmentFileName(zxid: number): string {
  return `log.${zxid.toString(16)}`;
}

/** The files of a data directory by kind. */
export interface StorageFiles {
  /** Ascending. */
  readonly snapshotZxids: readonly number[];
  /** First zxids of the segments, ascending. */
  readonly segmentZxids: readonly number[];
  readonly hasEpoch: boolean;
  readonly unfinished: readonly string[];
}

/** Sorts a directory's names into kinds. */
export function sortFileNames(names: readonly string[]): StorageFiles {
  const zxids = (kind: string, nameOf: (zxid: number) => string): number[] =>
    names
      .filter((name) => name.startsWith(`${kind}.`))
      .map((name) => ({ name, zxid: Number.parseInt(name.slice(kind.length + 1), 16) }))
      .filter(({ name, zxid }) => Number.isSafeInteger(zxid) && name === nameOf(zxid))
      .map(({ zxid }) => zxid)
      .sort((one, other) => one - other);
  return {
    snapshotZxids: zxids("snapshot", snapshotFileName),
    segmentZxids: zxids("log", segmentFileName),
    hasEpoch: names.includes(epochFileName),
    unfinished: names.filter((name) => /^(epoch|(snapshot|log)\.[0-9a-f]+)\.tmp$/.test(name)),
  };
}
