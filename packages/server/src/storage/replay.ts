/** Hands on what a recovery has accepted: the snapshot's chunks, then every record after it, in order. Changes nothing. */
import type { Disk } from "@corral/io";
import { snapshotFileName } from "./file-names.ts";
import type { LogRecord } from "./record.ts";
import type { Recovery } from "./recovery.ts";
import { scanRecords } from "./segment.ts";
import { readSnapshotFile } from "./snapshot-file.ts";
import { StorageError } from "./storage-error.ts";
import { withFile } from "./whole-file.ts";

/** Takes what was stored. Nobody writes into the buffers again, but they are views of larger ones: a part that is kept is copied. */
export interface ReplaySink {
  onSnapshotChunk(bytes: Buffer): void;
  /** `file`: the path of its segment. */
  onRecord(record: LogRecord, file: string): void;
}

/** Where it is, and the longest chunk of a snapshot there. */
export interface ReplayPlace {
  readonly disk: Disk;
  readonly directory: string;
  readonly chunkBytesMax: number;
}

/** What is handed on. */
export type Replayed = Pick<Recovery, "snapshotZxid" | "segments">;

/** Returns how many records came after the snapshot. @throws StorageError when files have changed since the recovery. */
export async function replayFiles(place: ReplayPlace, recovery: Replayed, sink: ReplaySink): Promise<number> {
  const { disk, directory, chunkBytesMax } = place;
  const { snapshotZxid, segments } = recovery;
  if (snapshotZxid > 0) {
    const path = `${directory}/${snapshotFileName(snapshotZxid)}`;
    const verdict = await readSnapshotFile(disk, path, snapshotZxid, chunkBytesMax, (chunk) =>
      sink.onSnapshotChunk(chunk),
    );
    if (verdict.kind === "damaged") throw changedMeanwhile(path);
  }
  let recordCount = 0;
  for (const segment of segments) {
    const { end } = await withFile(disk, segment.path, (file) =>
      scanRecords({ file, size: segment.end, header: segment.header }, ({ zxid }, bytes) => {
        if (zxid <= snapshotZxid) return;
        recordCount += 1;
        sink.onRecord({ zxid, bytes }, segment.path);
      }),
    );
    if (end !== segment.end) throw changedMeanwhile(segment.path);
  }
  return recordCount;
}

function changedMeanwhile(path: string): StorageError {
  return new StorageError(`The file ${path} has changed while it was read. Nobody else may write there.`, {
    file: path,
  });
}
