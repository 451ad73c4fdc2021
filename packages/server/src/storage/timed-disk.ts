/** A disk that tells how long its log's syncs take: nothing else in a durable server waits longer. */
import type { Clock, Disk, DiskFile } from "@corral/io";

/** `disk`, with `onSync` told of each successful sync of a log segment, ms. */
export function timedDisk(disk: Disk, clock: Clock, onSync: (tookMs: number) => void): Disk {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      return mode !== "read" && /\/log\.[^/]*$/.test(path) ? timedFile(file, clock, onSync) : file;
    },
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    claimDirectory: (path) => disk.claimDirectory(path),
    freeBytes: disk.freeBytes?.bind(disk),
  };
}

function timedFile(file: DiskFile, clock: Clock, onSync: (tookMs: number) => void): DiskFile {
  const timed = async (syncing: Promise<void>): Promise<void> => {
    const startedMs = clock.elapsedMs();
    await syncing;
    onSync(clock.elapsedMs() - startedMs);
  };
  const writeThrough = file.writeThrough?.bind(file);
  const prepareWriteThrough = file.prepareWriteThrough?.bind(file);
  return {
    size: () => file.size(),
    read: (position, length) => file.read(position, length),
    write: (position, bytes) => file.write(position, bytes),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
    sync: () => timed(file.sync()),
    ...(prepareWriteThrough && { prepareWriteThrough }),
    ...(writeThrough && { writeThrough: (position, bytes) => timed(writeThrough(position, bytes)) }),
  };
}
