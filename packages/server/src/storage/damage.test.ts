/**
 * A byte of a data directory goes bad, any byte of any file. The tree that comes back is then exactly right, or the start
 * is refused with a sentence that names a file: never a write lost, never another tree shown. CORRAL_FLIPS=all tries every
 * bit, and zeros and ones in the place of every byte; otherwise each byte gets one of these.
 */
import { nodeEnvironment, silentLogger } from "@corral/io";
import { CreateMode } from "@corral/protocol";
import { MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { picture } from "../../test-support/state-driver.ts";
import { copyOf, directory, lifeRandom } from "../../test-support/storage-life.ts";
import { TreeLife } from "../../test-support/tree-life.ts";
import { recover } from "../recover.ts";
import { Storage, StorageError } from "./storage.ts";

/** What a byte can turn into: one bit is another, or all are the same. */
const faults = [
  ...Array.from({ length: 8 }, (_, bit) => (byte: number) => byte ^ (1 << bit)),
  () => 0,
  () => 0xff,
] as const;

const triesAll = nodeEnvironment.get("CORRAL_FLIPS") === "all";

const limits = { retainedSnapshots: 2, segmentBytes: 900, preallocateBytes: 512, batchBytes: 2_000 };

/** Two snapshots, logs before, between and after them, and all acknowledged. */
async function writtenDirectory(): Promise<{ disk: MemoryDisk; tree: unknown }> {
  const disk = new MemoryDisk();
  const life = await TreeLife.open(disk, limits);
  await life.begin();
  for (const name of ["a", "b", "c"]) {
    life.create(`/${name}`, Buffer.from(`of ${name}`));
    await life.applied();
  }
  await life.snapshot();
  life.create("/a/e", null, CreateMode.ephemeralSequential);
  life.set("/b", Buffer.from("again"));
  await life.applied();
  await life.snapshot();
  life.delete("/c");
  await life.applied();
  life.set("/a", Buffer.alloc(700, "x"));
  await life.applied();
  life.create("/d", Buffer.from("last"));
  await life.applied();
  return { disk: disk.kill(), tree: picture(life.state) };
}

/** What became of a start; nothing is written on. */
async function start(disk: MemoryDisk): Promise<unknown> {
  try {
    const storage = await Storage.open({ disk, directory, logger: silentLogger, random: lifeRandom, limits });
    try {
      return picture(await recover(storage));
    } finally {
      await storage.close();
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    expect(error.message).toContain(directory);
    return "refused";
  }
}

describe("a byte that goes bad", async () => {
  const { disk, tree } = await writtenDirectory();
  const expected = JSON.stringify(tree, inText);

  it.each(disk.paths())("in %s is of no consequence, or the start is refused", async (path) => {
    const bytes = disk.contents(path);
    let refused = 0;
    for (let at = 0; at < bytes.length; at++) {
      const chosen = triesAll ? faults : [faults[at % faults.length] as (typeof faults)[number]];
      for (const fault of chosen) {
        const changed = Buffer.from(bytes);
        changed[at] = fault(bytes[at] as number);
        const found = await start(copyOf(disk, (copy) => copy.put(path, changed)));
        if (found === "refused") refused++;
        else expect(JSON.stringify(found, inText) === expected, `byte ${at} is ${changed[at]}`).toBe(true);
      }
    }
    // The last log and the epoch file are needed; without the newest snapshot it goes from the one before.
    if (
      path.endsWith("/epoch") ||
      path ===
        disk
          .paths()
          .filter((one) => one.includes("/log."))
          .at(-1)
    ) {
      expect(refused).toBeGreaterThan(50);
    }
  });

  it("is not there when nothing is bad", async () => {
    expect(disk.paths().length).toBeGreaterThan(4);
    expect(await start(copyOf(disk))).toEqual(tree);
  });
});

function inText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
