import { silentLogger } from "@corral/io";
import { MemoryDisk } from "@corral/testing";
import { expect, test, vi } from "vitest";
import { ReplicaHarness } from "../test-support/replica-harness.ts";
import { directory } from "../test-support/storage-life.ts";
import { TreeLife } from "../test-support/tree-life.ts";
import { changeNodes, withCopyOf } from "../test-support/wrong-snapshot.ts";
import { dumpDirectory } from "./directory-dump.ts";
import { Driver } from "./driver.ts";
import { MemoryLog } from "./durable-log.ts";
import { verifyDirectory } from "./inspection.ts";
import { Maintenance } from "./maintenance.ts";
import { performRepair } from "./repair/perform.ts";
import { planRepair } from "./repair/plan.ts";
import { DataTree } from "./state/data-tree.ts";
import { StateMachine } from "./state/state-machine.ts";

const snapshotPath = `${directory}/snapshot.100000003`;

async function withSnapshot(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const life = await TreeLife.open(disk);
  await life.begin();
  life.create("/a");
  life.create("/b");
  await life.applied();
  await life.snapshot();
  await life.storage.close();
  return disk;
}

/** The seeds of all trees that a snapshot's nodes are put into meanwhile. */
async function seedsUsed(run: () => Promise<unknown>): Promise<number[]> {
  const restore = vi.spyOn(DataTree.prototype, "restore");
  try {
    await run();
    return [...new Set(restore.mock.contexts as DataTree[])].map(({ hashSeed }) => hashSeed);
  } finally {
    restore.mockRestore();
  }
}

/** Each is 32 random bits: that two are the same by chance does not happen. */
function expectUnguessable(seeds: readonly number[], least: number): void {
  expect(seeds.length).toBeGreaterThanOrEqual(least);
  expect(seeds).not.toContain(0);
  expect(new Set(seeds).size).toBe(seeds.length);
}

test("what looks into a data directory reads each snapshot into a tree with a seed of its own", async () => {
  const disk = await withSnapshot();
  const range = { fromZxid: 0, toZxid: Number.MAX_SAFE_INTEGER };
  const sink = { onLine: () => undefined, onWarning: () => undefined };
  expectUnguessable(await seedsUsed(() => verifyDirectory(disk, directory)), 2);
  expectUnguessable(await seedsUsed(() => dumpDirectory(disk, directory, range, sink)), 2);
});

test("so does a repair, and what writes a mended snapshot", async () => {
  const disk = await withSnapshot();
  await changeNodes(
    disk,
    snapshotPath,
    withCopyOf("/a", () => undefined),
  );
  for (const path of disk.paths()) if (path.includes("/log.")) disk.take(path);
  const repair = async () => {
    const plan = await planRepair(disk, directory);
    expect(plan.steps).not.toEqual([]);
    await performRepair(disk, directory, plan);
  };
  expectUnguessable(await seedsUsed(repair), 3);
});

test("a restore is looked at in a tree with the server's seed", async () => {
  const { replica } = new ReplicaHarness({ state: new StateMachine(undefined, 12_345) });
  const log = new MemoryLog();
  const clock = {
    elapsedMs: () => 0,
    wallMs: () => 0,
    setTimer: (_ms: number, then: () => void) => {
      queueMicrotask(then);
      return { cancel: () => undefined };
    },
  };
  const onFatal = (error: Error) => {
    throw error;
  };
  const driver = new Driver({ replica, log, clock, logger: silentLogger, onStarted: () => undefined, onFatal });
  const bytes = (await withSnapshot()).contents(snapshotPath);
  const seeds = await seedsUsed(() => new Maintenance({ replica, driver, log, clock }).restore(bytes));
  // One tree that it is looked at in, and one that it comes to.
  expect(seeds).toEqual([12_345, 12_345]);
});
