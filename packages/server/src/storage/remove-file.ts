/**
 * Removes large files without anybody noticing. The system frees all of a file's space in one go, in a transaction of its
 * journal that whoever syncs meanwhile waits for, the log's writers too: 40 to 100 ms for a snapshot of a million nodes.
 * Cut off bit by bit from its end, each bit takes 2 ms, and others get their turn between them. But whoever is copying the file,
 * or has made a hard link to it for a backup, would be left with a part that passes for the whole: then it goes all at once,
 * and he keeps its bytes. A link is always seen; a copy where its reading leaves a trace (`isUnread`), which is the best that can be
 * done: who is not seen is left with a part, which shows only when it is read as a snapshot (`verify`, or a start).
 */
import type { Disk } from "@corral/io";
import { unfinishedSuffix } from "./file-names.ts";

const stepBytes = 4 * 1024 * 1024;

/**
 * Takes files of `directory` out of use, in this order; that their names are gone is durable when it resolves. Returns what
 * they are called until they are removed, by `removeFile` or at the next start.
 */
export async function retireFiles(disk: Disk, directory: string, names: readonly string[]): Promise<string[]> {
  for (const name of names) await disk.rename(`${directory}/${name}`, `${directory}/${name}${unfinishedSuffix}`);
  if (names.length > 0) await disk.syncDirectory(directory);
  return names.map((name) => `${name}${unfinishedSuffix}`);
}

/** Removes a file that nobody will look for any more: a crash may leave any part of it. */
export async function removeFile(disk: Disk, path: string): Promise<void> {
  // A file that cannot be cut down is removed all the same, at once: it may be another user's, which may be removed here, but not
  // written to.
  await Promise.allSettled([cutDown(disk, path)]);
  await disk.remove(path);
}

async function cutDown(disk: Disk, path: string): Promise<void> {
  const file = await disk.open(path, "write");
  try {
    if (!(await file.isUnread?.())) return;
    for (let length = (await file.size()) - stepBytes; length > 0; length -= stepBytes) await file.truncate(length);
  } finally {
    await file.close();
  }
}
