/** A repair that does not come to its end: the disk is lost after so many of its operations. */
import type { MemoryDisk } from "@corral/testing";
import { performRepair } from "../src/repair/perform.ts";
import type { RepairPlan } from "../src/repair/plan.ts";
import { directory } from "./storage-life.ts";

/** The disk as the crash, or else the failure, leaves it; undefined if the repair was done before. */
export async function repairCutShort(
  disk: MemoryDisk,
  plan: RepairPlan,
  operations: number,
): Promise<MemoryDisk | undefined> {
  let left = operations;
  let successor: MemoryDisk | undefined;
  disk.onOperation = () => {
    left--;
    if (left === 0) successor = disk.crash();
  };
  const isDone = await performRepair(disk, directory, plan).then(
    () => true,
    () => false,
  );
  return isDone ? undefined : (successor ?? disk);
}
