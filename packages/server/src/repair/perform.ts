/**
 * Does what was planned. First a copy of every file that changes or goes is made, whole and durable, in a directory of its
 * own inside; only then anything is changed. Can be cut short at any time: what is left is refused by a start, or is
 * what was planned, and can be repaired again.
 */
import type { Disk } from "@corral/io";
import { readMended } from "../snapshot-content.ts";
import { snapshotChunks } from "../state/snapshot.ts";
import { encodeEpochFile } from "../storage/epoch-file.ts";
import { defaultStorageLimits } from "../storage/limits.ts";
import { encodeSegmentHeader } from "../storage/segment.ts";
import { writeSnapshotFile } from "../storage/snapshot-file.ts";
import { reasonOf, StorageError } from "../storage/storage-error.ts";
import { replaceFile, withFile } from "../storage/whole-file.ts";
import type { RepairPlan, RepairStep } from "./plan.ts";

const { itemBytes } = defaultStorageLimits;
const copyBytes = 1024 * 1024;
const zeros = Buffer.alloc(256 * 1024);

/**
 * Returns the name of the directory inside `directory` where the files are put aside.
 * @throws StorageError when the disk fails: whether anything has been changed by then, and what to do
 */
export async function performRepair(disk: Disk, directory: string, { steps }: RepairPlan): Promise<string> {
  const present = await disk.list(directory);
  const aside = await firstFree(disk, directory, present);
  const names = steps.map(({ name }) => name).filter((name) => present.includes(name));
  const asidePath = await putAside(disk, directory, aside, names);
  try {
    for (const step of steps) {
      await perform(disk, directory, step);
      await disk.syncDirectory(directory);
    }
  } catch (cause) {
    throw new StorageError(
      `The repair is not done (${reasonOf(cause)}). The files as they were are in ${asidePath}. ` +
        "See to the disk, and run the repair again: it goes on with what is left.",
      { file: directory, cause },
    );
  }
  return aside;
}

/** Copies the files, durably, or leaves none of the copies: they would take the room that is wanted. */
async function putAside(disk: Disk, directory: string, aside: string, names: readonly string[]): Promise<string> {
  const asidePath = `${directory}/${aside}`;
  try {
    await disk.makeDirectory(asidePath);
    for (const name of names) await copy(disk, `${directory}/${name}`, `${asidePath}/${name}`);
    await disk.syncDirectory(asidePath);
    return asidePath;
  } catch (cause) {
    // Best effort: what is left does no harm but for its room, and is told.
    const removals = await Promise.allSettled(names.map((name) => disk.remove(`${asidePath}/${name}`)));
    const isLeft = removals.some(({ status }) => status === "rejected");
    const isFull = ["ENOSPC", "EDQUOT"].includes((cause as NodeJS.ErrnoException).code ?? "");
    const remedy = isFull
      ? `They need ${await bytesOf(disk, directory, names)} bytes in ${directory}. Free as much`
      : "See to what is in the way";
    throw new StorageError(
      `Nothing has been changed: the files as they are could not be put aside (${reasonOf(cause)}). ${remedy}, and run the repair ` +
        `again.${isLeft ? ` What is in ${asidePath} is of no use; remove it.` : ""}`,
      { file: directory, cause },
    );
  }
}

async function bytesOf(disk: Disk, directory: string, names: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const name of names) bytes += await withFile(disk, `${directory}/${name}`, (file) => file.size());
  return bytes;
}

/** `set-aside-1`, or the next that is not there, or is empty: a repair that found no room has left it. */
async function firstFree(disk: Disk, directory: string, names: readonly string[]): Promise<string> {
  for (let number = 1; ; number++) {
    const name = `set-aside-${number}`;
    if (!names.includes(name) || (await isEmptyDirectory(disk, `${directory}/${name}`))) return name;
  }
}

async function isEmptyDirectory(disk: Disk, path: string): Promise<boolean> {
  try {
    return (await disk.list(path)).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return false;
    throw error;
  }
}

async function copy(disk: Disk, from: string, to: string): Promise<void> {
  await withFile(disk, from, async (source) => {
    const target = await disk.open(to, "create");
    try {
      const size = await source.size();
      for (let at = 0; at < size; at += copyBytes) await target.write(at, await source.read(at, copyBytes));
      await target.sync();
    } finally {
      await target.close();
    }
  });
}

async function perform(disk: Disk, directory: string, step: RepairStep): Promise<void> {
  const path = `${directory}/${step.name}`;
  switch (step.kind) {
    case "move":
      return disk.remove(path);
    case "rewrite": {
      const { name, zxid, mend } = step;
      const { state } = await readMended({ disk, directory, zxid, chunkBytesMax: itemBytes }, mend);
      return replaceFile(disk, directory, name, (file) =>
        writeSnapshotFile(file, zxid, snapshotChunks(state), itemBytes),
      );
    }
    case "epoch":
      return replaceFile(disk, directory, step.name, (file) => file.write(0, encodeEpochFile(step.content)));
    case "mend": {
      const { header, end } = step;
      const file = await disk.open(path, "write");
      try {
        // What was read is written once more: it may never have come to the disk.
        for (let at = 0; at < end; at += copyBytes)
          await file.write(at, await file.read(at, Math.min(copyBytes, end - at)));
        await file.truncate(end);
        for (let at = end; at < header.keptBytes; at += zeros.length) {
          await file.write(at, zeros.subarray(0, header.keptBytes - at));
        }
        await file.write(0, encodeSegmentHeader(header));
        await file.sync();
      } finally {
        await file.close();
      }
    }
  }
}
