/**
 * A disk that waits for descriptors. When the system gives none, as a program may have that starts a server within itself, nothing
 * has been done yet and nothing is wrong with the disk: it can be asked again. To give up at once would end the log.
 */
import type { Clock, Disk, Logger } from "@corral/io";
import { wrappedDisk, wrappedFile } from "./wrapped-disk.ts";

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
  return wrappedDisk(disk, {
    open: async (path, mode) => {
      const file = await patiently(path, () => disk.open(path, mode));
      const prepare = file.prepareWriteThrough?.bind(file);
      return prepare === undefined
        ? file
        : wrappedFile(file, { prepareWriteThrough: (count) => patiently(path, () => prepare(count)) });
    },
    syncDirectory: (path) => patiently(path, () => disk.syncDirectory(path)),
  });
}

/** EMFILE: the process may have no more; ENFILE: the machine has no more. */
function isWithoutDescriptor(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EMFILE" || code === "ENFILE";
}
