/**
 * What crash.test.ts tries with records, tried with trees: random lives that follow each other on one disk, whose writes
 * and syncs fail, which fills up, loses what was not synced, and tears what was under way.
 *
 * NoLoss      what was acknowledged is in every later tree
 * RightTree   every tree that comes back is that of a prefix of all writes that were ever asked for
 */
import { diskError, MemoryDisk, type SeededRandom, seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { gatheringClock, smallLimits } from "../../test-support/storage-life.ts";
import { TreeLife } from "../../test-support/tree-life.ts";
import { decodeEntry } from "../state/entry-codec.ts";
import type { Entry } from "../state/operation.ts";
import { StateMachine } from "../state/state-machine.ts";
import { formatDigest } from "../state/tree-digest.ts";

/** All that was ever asked for and may still count. */
interface History {
  entries: Entry[];
  acknowledgedZxid: number;
  /** Lives that ended with a failure of the disk that the log met. */
  failures: number;
}

const faults = ["none", "write", "sync", "rename", "full"] as const;
const paths = ["/a", "/b", "/a/c", "/a/d", "/e"];

/** What the tree must be after the first entries, up to that zxid. */
function digestAt(entries: readonly Entry[], zxid: number): string {
  const state = new StateMachine();
  for (const entry of entries) if (entry.zxid <= zxid) state.apply(entry);
  return formatDigest(state.tree.digest);
}

function check(life: TreeLife, history: History, what: string): void {
  const { lastZxid, tree } = life.state;
  expect(lastZxid, what).toBeGreaterThanOrEqual(history.acknowledgedZxid);
  expect(formatDigest(tree.digest), what).toBe(digestAt(history.entries, lastZxid));
  history.entries = history.entries.filter(({ zxid }) => zxid <= lastZxid);
  history.acknowledgedZxid = lastZxid;
}

/** Whatever ends a life early is the disk's doing, and is what the test is about; anything else is not. */
function unlessDisk(error: unknown): void {
  const chain = [error, error instanceof Error ? error.cause : undefined];
  if (!chain.some((link) => link instanceof Error && "code" in link)) throw error;
}

/** One life; the disk as it left it. */
async function randomLife(
  disk: MemoryDisk,
  history: History,
  random: SeededRandom,
  gathers: boolean,
): Promise<MemoryDisk> {
  let next: MemoryDisk | undefined;
  const fault = random.pick(faults);
  const lastOperation = disk.operationCount + 20 + random.below(200);
  if (fault === "full") {
    const used = disk.paths().reduce((sum, path) => sum + disk.contents(path).length, 0);
    disk.capacityBytes = used + random.below(9_000);
  }
  disk.onOperation = ({ kind, path }) => {
    if (disk.operationCount >= lastOperation && kind === "sync") {
      next ??= random.below(3) === 0 ? disk.kill() : disk.crash({ random });
    }
    if (kind === fault && random.below(25) === 0) throw diskError("EIO", kind, path);
  };
  try {
    const clock = gathers ? gatheringClock(random.pick([2, 20, 60])) : undefined;
    const life = await TreeLife.open(disk, smallLimits, { clock });
    check(life, history, fault);
    life.onRecords = (records) => {
      history.entries.push(...records.map(({ bytes }) => decodeEntry(bytes)));
      return records;
    };
    await life.begin();
    let snapshot: Promise<void> | undefined;
    for (let turn = 0; turn < 40; turn++) {
      // Writes go on while it is written, from a chunk for each node to one for all.
      if (random.below(10) === 0) {
        await snapshot;
        snapshot = life.snapshot(random.pick([1, 300, 2_000])).catch(unlessDisk);
      }
      for (let count = 1 + random.below(4); count > 0; count--) writeSomething(life, random);
      await life.applied();
      history.acknowledgedZxid = life.state.lastZxid;
    }
    await snapshot;
    await life.storage.close();
  } catch (error) {
    unlessDisk(error);
    history.failures++;
  }
  const left = next ?? (random.below(2) === 0 ? disk.kill() : disk.crash({ random }));
  // The operator has made room.
  left.capacityBytes = Number.POSITIVE_INFINITY;
  return left;
}

function writeSomething(life: TreeLife, random: SeededRandom): void {
  const path = random.pick(paths);
  const data = Buffer.from(random.bytes(random.below(random.pick([10, 700]))));
  switch (random.below(4)) {
    case 0:
      return life.delete(path);
    case 1:
      return life.set(path, data);
    default:
      return life.create(path, data);
  }
}

describe.each([
  ["start at once", false],
  ["gather", true],
])("random lives of a tree on one disk, where batches %s", (_start, gathers) => {
  it.each([1, 13, 25])("keep their promises: seeds from %i on", async (first) => {
    let failures = 0;
    for (let seed = first; seed < first + 12; seed++) {
      const random = seededRandom(seed);
      const history: History = { entries: [], acknowledgedZxid: 0, failures: 0 };
      let disk = new MemoryDisk();
      for (let lives = 0; lives < 5; lives++) disk = await randomLife(disk, history, random, gathers);
      check(await TreeLife.open(disk), history, `seed ${seed}`);
      failures += history.failures;
    }
    expect(failures).toBeGreaterThan(15);
  });
});
