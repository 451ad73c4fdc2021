/**
 * How much room must be free for what is written in one go: a restore, a snapshot, an epoch. The watermark is for what the server itself must
 * write at any time: a log that meets a full disk takes nothing more until a restart.
 */
import { defaultStorageLimits } from "./limits.ts";

/** Steps in which the log grows that may be there ahead of what is written: two of its segment, the first of the next. */
const stepsAhead = 3;

/** Bytes that the files of a restored snapshot of `snapshotBytes` take before older ones go: in the log, and the snapshot after it. */
export function restoreRoom(snapshotBytes: number): number {
  return 2 * snapshotBytes + stepsAhead * defaultStorageLimits.preallocateBytes;
}

/** Bytes that a later epoch takes: its file, in a block of its own before the older one goes, and what the log then grows by. */
export const epochRoom = 4_096 + defaultStorageLimits.preallocateBytes;

/** What a node takes in a snapshot besides its path and data, bytes: 85 of nodes alike, more where numbers are large. */
const nodeBytes = 96;

/** Of the watermark: what sessions and the log may need while a snapshot is written. */
export const shareOfSnapshots = 0.5;

/** About how many bytes the snapshot of a tree takes. */
export function snapshotRoom({
  nodeCount,
  approximateDataBytes,
}: {
  nodeCount: number;
  approximateDataBytes: number;
}): number {
  return nodeCount * nodeBytes + approximateDataBytes;
}
