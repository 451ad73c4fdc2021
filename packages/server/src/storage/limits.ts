/** What bounds the storage, in one place. */
export interface StorageLimits {
  /** Snapshots kept, and with them every log record that the oldest of them needs. */
  readonly retainedSnapshots: number;
  /** A log segment that has grown to this many bytes is followed by a new one. */
  readonly segmentBytes: number;
  /**
   * A segment's file grows by zeros in steps of this many bytes. 0: with every batch; that it is cut short is then noticed
   * only for what was there at the last start.
   */
  readonly preallocateBytes: number;
  /** Records written and synced together have at most this many bytes; a larger record goes alone. */
  readonly batchBytes: number;
  /**
   * At most this many records are written while others are still being synced, and records of at least `overlapFromBytes`. What
   * is between gathers until that is done, or until it is as many: one sync for many costs less than two for a few.
   */
  readonly overlapItems: number;
  readonly overlapFromBytes: number;
  /**
   * The largest record, and the largest chunk of a snapshot, in bytes. More is the caller's mistake. A chunk has at least a whole node;
   * with the longest frames that can be set (`maxFrameBytesMax`) that is some 70 MiB, and three times as much in trees of
   * versions that did not bound access lists.
   */
  readonly itemBytes: number;
}

/** Limits of a server that nobody has tuned. */
export const defaultStorageLimits: StorageLimits = {
  retainedSnapshots: 3,
  segmentBytes: 64 * 1024 * 1024,
  preallocateBytes: 1024 * 1024,
  batchBytes: 8 * 1024 * 1024,
  overlapItems: 2,
  overlapFromBytes: 32 * 1024,
  itemBytes: 256 * 1024 * 1024,
};
