/**
 * Does what was planned. First a copy of every file that changes or goes is made, whole and durable, in a directory of its
 * own inside; only then anything is changed. Can be cut short at any time: what is left is refused by a start, or is
 * what was planned, and can be repaired again.
 */
import type { Disk } from "@corral/io";
import { encodeEpochFile } from "../storage/epoch-file.ts";
import { encodeSegmentHeader } from "../storage/segment.ts";
import { replaceFile, withFile } from "../storage/whole-file.ts";
import type { RepairPlan, RepairStep } from "./plan.ts";

const copyBytes = 1024 * 1024;
const zeros = Buffer.alloc(256 * 1024);

/** Returns the name of the directory inside `directory` where the files are put aside. Rejects only if the disk does. */
export async function performRepair(disk: Disk, directory: string, { steps }: RepairPlan): Promise<string> {
  const present = await disk.list(directory);
  const aside = firstFree(present);
  const asidePath = `${directory}/${aside}`;
  await disk.makeDirectory(asidePath);
  for (const { name } of steps)
    if (present.includes(name)) await copy(disk, `${directory}/${name}`, `${asidePath}/${name}`);
  await disk.syncDirectory(asidePath);
  for (const step of steps) {
    await perform(disk, directory, step);
    await disk.syncDirectory(directory);
  }
  return aside;
}

/** `set-aside-1`, or the next that is not there. */
function firstFree(names: readonly string[]): string {
  for (let number = 1; ; number++) {
    if (!names.includes(`set-aside-${number}`)) return `set-aside-${number}`;
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
