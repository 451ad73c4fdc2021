/** Files that are there as a whole or not at all: written under another name, synced, renamed, the name synced. */
import type { Disk, DiskFile } from "@corral/io";
import { unfinishedSuffix } from "./file-names.ts";
import { removeFile } from "./remove-file.ts";

/**
 * Creates or replaces `<directory>/<name>` with what `write` writes. Durable when it resolves. When it rejects, the
 * old file is still there, unless the very last step (syncing the name) has failed: then either may be there.
 * `ready` is waited for before the new one takes the place of the old one; if it rejects, it does not.
 */
export async function replaceFile(
  disk: Disk,
  directory: string,
  name: string,
  write: (file: DiskFile) => Promise<void>,
  ready?: Promise<unknown>,
): Promise<void> {
  const path = `${directory}/${name}`;
  const unfinished = `${path}${unfinishedSuffix}`;
  const file = await createAnew(disk, unfinished);
  try {
    await write(file);
    await file.sync();
    await ready;
  } catch (error) {
    await discard(disk, file, unfinished);
    throw error;
  }
  await file.close();
  await disk.rename(unfinished, path);
  await disk.syncDirectory(directory);
}

/** Creates a file, in the place of one that an earlier attempt has left. */
async function createAnew(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, "create");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  await disk.remove(path);
  return disk.open(path, "create");
}

/** Best effort: what cannot be removed now is removed at the next start, and why it came to this is thrown by the caller. */
async function discard(disk: Disk, file: DiskFile, path: string): Promise<void> {
  await Promise.allSettled([file.close()]);
  await Promise.allSettled([removeFile(disk, path)]);
}

/** Opens a file for reading, hands it on, and closes it in any case. */
export async function withFile<T>(disk: Disk, path: string, use: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path, "read");
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
