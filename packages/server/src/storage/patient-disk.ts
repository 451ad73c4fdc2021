/**
 * A disk that waits for descriptors. When the system gives none, as a program may have that starts a server within itself, nothing
 * has been done yet and nothing is wrong with the disk: it can be asked again. To give up at once would end the log.
 */
import type { Clock, Disk, DiskFile, Logger } from "@corral/io";

/** How it waits. */
export interface PatientDiskOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly logger: Logger;
}

const againAfterMs = 100;
/** Somebody waits for what is to be written: in the end he is told. */
const patienceMs = 30_000;

/** `disk`, of which everything that needs a descriptor is tried again for half a minute while there is none. */
export function patientDisk({ disk, clock, logger }: PatientDiskOptions): Disk {
  const patiently = async <Result>(path: string, deed: () => Promise<Result>): Promise<Result> => {
    const startedMs = clock.elapsedMs();
    for (let isTold = false; ; isTold = true) {
      try {
        return await deed();
      } catch (err) {
        if (!isWithoutDescriptor(err) || clock.elapsedMs() - startedMs >= patienceMs) throw err;
        if (!isTold)
          logger.warn({ err, path, patienceMs }, "no file descriptor is left; trying again until there is one");
        await new Promise<void>((resolve) => clock.setTimer(againAfterMs, resolve));
      }
    }
  };
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    open: async (path, mode) => {
      const file = await patiently(path, () => disk.open(path, mode));
      return mode === "read" ? file : patientFile(file, path, patiently);
    },
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => patiently(path, () => disk.syncDirectory(path)),
    claimDirectory: (path) => disk.claimDirectory(path),
    freeBytes: disk.freeBytes?.bind(disk),
  };
}

function patientFile(
  file: DiskFile,
  path: string,
  patiently: <Result>(path: string, deed: () => Promise<Result>) => Promise<Result>,
): DiskFile {
  const writeThrough = file.writeThrough?.bind(file);
  const prepareWriteThrough = file.prepareWriteThrough?.bind(file);
  return {
    size: () => file.size(),
    read: (position, length) => file.read(position, length),
    write: (position, bytes) => file.write(position, bytes),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
    sync: () => file.sync(),
    ...(writeThrough && { writeThrough }),
    ...(prepareWriteThrough && {
      prepareWriteThrough: (count) => patiently(path, () => prepareWriteThrough(count)),
    }),
  };
}

/** EMFILE: the process may have no more; ENFILE: the machine has no more. */
function isWithoutDescriptor(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EMFILE" || code === "ENFILE";
}
