/**
 * A repair, held to what it promises: what is left is a state that the server has had, the one that the plan has named, and the
 * whole of it where the plan names no loss; everything that was changed lies aside as it was; what comes then has zxids that were never
 * given out; or it is refused, and nothing has changed.
 */
import type { MemoryDisk } from "@corral/testing";
import { expect } from "vitest";
import { verifyDirectory } from "../src/inspection.ts";
import { performRepair } from "../src/repair/perform.ts";
import { planRepair, type RepairPlan } from "../src/repair/plan.ts";
import { isStorageError } from "../src/storage/storage-error.ts";
import { picture } from "./state-driver.ts";
import { directory } from "./storage-life.ts";
import { TreeLife } from "./tree-life.ts";

/** Of the server that goes on. */
const limits = { retainedSnapshots: 3, segmentBytes: 900, preallocateBytes: 512, batchBytes: 2_000 };

/** A directory, and what was in it. */
export interface Written {
  readonly disk: MemoryDisk;
  /** What the state was after each zxid. */
  readonly history: ReadonlyMap<number, string>;
  readonly lastZxid: number;
}

/** The state, for comparison. */
export function asText({ state }: TreeLife): string {
  return JSON.stringify(picture(state), (_, value) => (typeof value === "bigint" ? String(value) : value));
}

/** The disk, for comparison. */
export function filesOf(disk: MemoryDisk): Map<string, string> {
  return new Map(disk.paths().map((path) => [path, disk.contents(path).toString("latin1")]));
}

/** Undefined: it is refused. */
export async function repaired({ history, lastZxid }: Written, disk: MemoryDisk): Promise<RepairPlan | undefined> {
  const before = filesOf(disk);
  let plan: RepairPlan;
  try {
    plan = await planRepair(disk, directory);
  } catch (error) {
    if (!isStorageError(error)) throw error;
    expect(error.message).toContain(directory);
    expect(filesOf(disk)).toEqual(before);
    return undefined;
  }
  expect(filesOf(disk)).toEqual(before);
  const { zxid } = plan.kept;
  expect(plan.losses.length > 0 || zxid === lastZxid, `${zxid.toString(16)} of ${lastZxid.toString(16)}`).toBe(true);
  if (plan.steps.length > 0) {
    const aside = await performRepair(disk, directory, plan);
    for (const [path, bytes] of before) {
      const copy = path.replace(directory, `${directory}/${aside}`);
      const now = filesOf(disk);
      if (now.get(path) !== bytes) expect(now.get(copy) === bytes, `${path} lies aside`).toBe(true);
    }
  }
  const { files, start } = await verifyDirectory(disk, directory);
  expect(files.filter(({ problem }) => problem !== undefined)).toEqual([]);
  expect(start).toMatchObject({ kind: "possible", ...plan.kept });
  expect((await planRepair(disk, directory)).steps).toEqual([]);
  const life = await TreeLife.open(disk, limits);
  expect(asText(life) === history.get(zxid), `the state after ${zxid.toString(16)}`).toBe(true);
  // And it goes on, above all that there ever was.
  await life.begin();
  life.create("/after", Buffer.from("the repair"));
  await life.applied();
  expect(life.state.lastZxid).toBeGreaterThan(lastZxid);
  await life.storage.close();
  return plan;
}

/** Turns a bit. */
export function spoil(disk: MemoryDisk, path: string, at: number): void {
  const bytes = disk.contents(path);
  bytes[at] = (bytes[at] as number) ^ 1;
  disk.put(path, bytes);
}
