/** A disk that tells how long its log's syncs take: nothing else in a durable server waits longer. */
import type { Clock, Disk, DiskFile } from "@corral/io";
import { wrappedDisk, wrappedFile } from "./wrapped-disk.ts";

/** `disk`, with `onSync` told of each successful sync of a log segment, ms. */
export function timedDisk(disk: Disk, clock: Clock, onSync: (tookMs: number) => void): Disk {
  return wrappedDisk(disk, {
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      return mode !== "read" && /\/log\.[^/]*$/.test(path) ? timedFile(file, clock, onSync) : file;
    },
  });
}

function timedFile(file: DiskFile, clock: Clock, onSync: (tookMs: number) => void): DiskFile {
  const timed = async (syncing: Promise<void>): Promise<void> => {
    const startedMs = clock.elapsedMs();
    await syncing;
    onSync(clock.elapsedMs() - startedMs);
  };
  const writeThrough = file.writeThrough?.bind(file);
  return wrappedFile(file, {
    sync: () => timed(file.sync()),
    writeThrough: writeThrough && ((position, bytes) => timed(writeThrough(position, bytes))),
  });
}
