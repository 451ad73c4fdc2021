/**
 * The log grows by steps of zeros while batches go into what there is already. Whatever a crash leaves then, and whichever
 * operation fails, the next start gives back a prefix of what was appended that holds all that was acknowledged.
 */
import { diskBlockBytes } from "@corral/io";
import { diskError, MemoryDisk, seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { type LogClock, letters, live, startsOfBatches, text } from "../../test-support/storage-life.ts";
import { type LogRecord, StorageError, type StorageLimits } from "./storage.ts";

const epoch = 2 ** 32;
const limits: Partial<StorageLimits> = { segmentBytes: 64 * 1024, preallocateBytes: 2 * diskBlockBytes };
const path = "/data/log.100000001";

/** What was appended, and up to where it was acknowledged. */
class Seen {
  readonly appended: LogRecord[] = [];
  acknowledgedZxid = epoch;
}

/** Appends batches, most while others are under way. Ends early when the disk does. */
async function life(disk: MemoryDisk, seed: number, clock: LogClock | undefined, seen = new Seen()): Promise<Seen> {
  const random = seededRandom(seed);
  const { appended } = seen;
  try {
    const { storage, durable, failures } = await live(disk, limits, { clock });
    storage.onDurable = ((before) => (zxid, logBytes) => {
      seen.acknowledgedZxid = zxid;
      before(zxid, logBytes);
    })(storage.onDurable);
    await storage.writeEpoch(1);
    while (appended.length < 60 && failures.length === 0) {
      const records = letters(epoch + appended.length + 1, [random.below(random.pick([60, 2_000]))]);
      appended.push(...records);
      storage.append(records);
      for (let turns = random.below(40); turns > 0; turns -= 1) await Promise.resolve();
      if (random.below(8) === 0) await durable(epoch + appended.length);
    }
    await durable(epoch + appended.length);
    await storage.close();
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error || "cause" in error)) throw error;
  }
  return seen;
}

/** What a start makes of it, twice, for the first one repairs. */
async function expectPrefix(disk: MemoryDisk, seen: Seen, what: string): Promise<void> {
  for (const time of ["first", "second"]) {
    try {
      const { storage, recovered } = await live(disk, limits);
      await storage.close();
      expect(text(recovered), `${what}, ${time} start`).toEqual(text(seen.appended.slice(0, recovered.length)));
      expect(recovered.length, `${what}, ${time} start`).toBeGreaterThanOrEqual(seen.acknowledgedZxid - epoch);
    } catch (error) {
      if (error instanceof StorageError) expect.unreachable(`${what}, ${time} start: ${error.message}`);
      throw error;
    }
  }
}

describe.each(startsOfBatches)("a log that grows ahead of need, and whose %s", (_start, clock) => {
  it("writes a step of zeros beside a batch", async () => {
    const disk = new MemoryDisk();
    let atOnce = 0;
    const positions: number[] = [];
    let writing = 0;
    disk.onOperation = async ({ kind, path: of }) => {
      if (kind !== "sync" || of !== path) return;
      writing += 1;
      atOnce = Math.max(atOnce, writing);
      positions.push(disk.contents(path).length);
      for (let turns = 0; turns < 20; turns += 1) await Promise.resolve();
      writing -= 1;
    };
    const seen = await life(disk, 1, clock);
    expect(seen.acknowledgedZxid).toBe(epoch + 60);
    expect(atOnce).toBeGreaterThan(1);
    // In whole steps, and the last one is not the first one.
    expect(positions.every((length) => length % (2 * diskBlockBytes) === 0)).toBe(true);
    expect(new Set(positions).size).toBeGreaterThan(2);
  });

  it("keeps its promises, whichever operation a crash comes at", async () => {
    const whole = new MemoryDisk();
    await life(whole, 2, clock);
    expect(whole.operationCount).toBeGreaterThan(100);
    let atLast = epoch;
    for (let last = 1; last <= whole.operationCount; last += 1) {
      const disk = new MemoryDisk();
      const seen = new Seen();
      let left: MemoryDisk | undefined;
      let acknowledgedZxid = epoch;
      disk.onOperation = () => {
        if (disk.operationCount !== last) return;
        left = disk.crash({ random: seededRandom(last) });
        ({ acknowledgedZxid } = seen);
      };
      await life(disk, 2, clock, seen);
      expect(left, `operation ${last}`).toBeDefined();
      if (left) await expectPrefix(left, { ...seen, acknowledgedZxid }, `operation ${last}`);
      atLast = acknowledgedZxid;
    }
    expect(atLast).toBeGreaterThan(epoch + 50);
  });

  it.each([
    ["write", "EIO"],
    ["write", "ENOSPC"],
    ["sync", "EIO"],
  ] as const)("keeps its promises, whichever %s fails with %s", async (kind, code) => {
    const whole = new MemoryDisk();
    let count = 0;
    whole.onOperation = (operation) => {
      if (operation.kind === kind && operation.path === path) count += 1;
    };
    await life(whole, 3, clock);
    expect(count).toBeGreaterThan(20);
    for (let failing = 1; failing <= count; failing += 1) {
      const disk = new MemoryDisk();
      let at = 0;
      disk.onOperation = (operation) => {
        if (operation.kind !== kind || operation.path !== path) return;
        at += 1;
        if (at === failing) throw diskError(code, kind, path);
      };
      const seen = await life(disk, 3, clock);
      await expectPrefix(disk.crash({ random: seededRandom(failing) }), seen, `${kind} ${failing}`);
    }
  });
});
