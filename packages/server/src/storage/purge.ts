/** Removes what no start will ever need again. */
import type { Disk } from "@corral/io";
import { epochFileName, segmentFileName, snapshotFileName, sortFileNames, unfinishedSuffix } from "./file-names.ts";
import { removeFile, retireFiles } from "./remove-file.ts";
import type { KnownSegment } from "./write-ahead-log.ts";

/** What to keep. */
export interface PurgeRule {
  readonly retainedSnapshots: number;
  /** All segments, ascending. */
  readonly segments: readonly KnownSegment[];
  /** Whether somebody has the file of that name open: then it keeps its bytes until it is closed. */
  isOpen(name: string): boolean;
}

/**
 * Keeps the newest snapshots, and every segment that has records behind the oldest of them. While there are fewer
 * snapshots than may be kept, the whole log stays: the empty state at its beginning is a snapshot as good as any.
 * Snapshots go first, then segments from the oldest on, so that nothing that is left misses something between.
 * Returns the first zxid of the oldest segment that is left. Rejects with the first failure when all is done that can be done;
 * what could not be removed then is removed the next time. To be called while no snapshot is being written.
 */
export async function purge(disk: Disk, directory: string, rule: PurgeRule): Promise<number | undefined> {
  const { snapshotZxids, segmentZxids, unfinished } = sortFileNames(await disk.list(directory));
  const retained = snapshotZxids.slice(-rule.retainedSnapshots);
  const oldest = retained[0];
  if (oldest === undefined || retained.length < rule.retainedSnapshots) return undefined;
  const firstNeeded = rule.segments.findLast((segment) => (segment.previousZxid ?? segment.firstZxid) <= oldest);
  const oldSnapshots = snapshotZxids.filter((zxid) => zxid < oldest).map(snapshotFileName);
  const oldSegments = segmentZxids.filter((zxid) => firstNeeded && zxid < firstNeeded.firstZxid).map(segmentFileName);
  const retired = [
    // Those that could not be removed the last time. The epoch is written at any time.
    ...unfinished.filter((name) => name !== `${epochFileName}${unfinishedSuffix}`),
    ...(await retireFiles(disk, directory, oldSnapshots)),
    ...(await retireFiles(disk, directory, oldSegments)),
  ];
  const failures: unknown[] = [];
  for (const name of retired) {
    const path = `${directory}/${name}`;
    const isOpen = rule.isOpen(name.slice(0, -unfinishedSuffix.length));
    // One that cannot be removed is no reason to leave the others.
    await (isOpen ? disk.remove(path) : removeFile(disk, path)).catch((error) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
  return firstNeeded?.firstZxid;
}
