/** Removes what no start will ever need again. */
import type { Disk } from "@corral/io";
import { segmentFileName, snapshotFileName, sortFileNames } from "./file-names.ts";
import type { KnownSegment } from "./write-ahead-log.ts";

/** What to keep. */
export interface PurgeRule {
  readonly retainedSnapshots: number;
  /** All segments, ascending. */
  readonly segments: readonly KnownSegment[];
}

/**
 * Keeps the newest snapshots, and every segment that has records behind the oldest of them. While there are fewer
 * snapshots than may be kept, the whole log stays: the empty state at its beginning is a snapshot as good as any.
 * Snapshots go first, then segments from the oldest on, so that nothing that is left misses something between.
 * Returns the first zxid of the oldest segment that is left.
 */
export async function purge(disk: Disk, directory: string, rule: PurgeRule): Promise<number | undefined> {
  const { snapshotZxids, segmentZxids } = sortFileNames(await disk.list(directory));
  const retained = snapshotZxids.slice(-rule.retainedSnapshots);
  const oldest = retained[0];
  if (oldest === undefined || retained.length < rule.retainedSnapshots) return undefined;
  const firstNeeded = rule.segments.findLast((segment) => (segment.previousZxid ?? segment.firstZxid) <= oldest);
  for (const zxid of snapshotZxids) {
    if (zxid < oldest) await disk.remove(`${directory}/${snapshotFileName(zxid)}`);
  }
  await disk.syncDirectory(directory);
  if (!firstNeeded) return undefined;
  for (const zxid of segmentZxids) {
    if (zxid < firstNeeded.firstZxid) await disk.remove(`${directory}/${segmentFileName(zxid)}`);
  }
  await disk.syncDirectory(directory);
  return firstNeeded.firstZxid;
}
