/**
 * Two batches of the log under way at the same time. Whatever a crash leaves of them, the next start gives back a prefix of
 * what was appended that holds all that was acknowledged; and no byte that goes bad afterwards is taken for a torn write.
 */
import { crc32 } from "@corral/io";
import { diskError, MemoryDisk, seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { allTurns, HeldSyncs } from "../../test-support/held-syncs.ts";
import {
  copyOf,
  gatheringClock,
  type Life,
  type LifeOptions,
  letters,
  live,
  startOf,
  text,
  withoutKeys,
} from "../../test-support/storage-life.ts";
import type { LogRecord, StorageLimits } from "./storage.ts";

const epoch = 2 ** 32;
/** Small enough for a large second batch to fit where the first one has left room. */
const overlapFromBytes = 4_000;
const limits: Partial<StorageLimits> = {
  segmentBytes: 1024 * 1024,
  preallocateBytes: 64 * 1024,
  overlapItems: 3,
  overlapFromBytes,
};

/** A life, what was appended in it, and its log's syncs. */
class HeldLife {
  readonly disk: MemoryDisk;
  readonly syncs: HeldSyncs;
  readonly appended: LogRecord[] = [];
  readonly life: Life;

  private constructor(disk: MemoryDisk, life: Life) {
    this.disk = disk;
    this.life = life;
    this.syncs = new HeldSyncs(disk);
  }

  /** With one record, of that length, on the disk. */
  static async open(length: number, options: LifeOptions = {}): Promise<HeldLife> {
    const disk = new MemoryDisk();
    const life = await live(disk, limits, options);
    await life.storage.writeEpoch(1);
    const held = new HeldLife(disk, life);
    life.storage.append(held.#next([length]));
    await life.durable(epoch + 1);
    held.syncs.hold();
    return held;
  }

  get acknowledgedZxid(): number {
    return this.life.acknowledgedZxid;
  }

  /** Appends records of these lengths; resolves when the sync of theirs is held back. */
  async append(lengths: readonly number[]): Promise<void> {
    const { count } = this.syncs;
    this.life.storage.append(this.#next(lengths));
    await this.syncs.another(count);
  }

  #next(lengths: readonly number[]): LogRecord[] {
    const records = letters(epoch + this.appended.length + 1, lengths);
    this.appended.push(...records);
    return records;
  }
}

const start = (disk: MemoryDisk) => startOf(disk, limits);

describe("two batches of the log under way", () => {
  it("are acknowledged in their order, though the second was on the disk before the first", async () => {
    const life = await HeldLife.open(30);
    await life.append([40]);
    await life.append([50]);
    life.syncs.release(1);
    await allTurns();
    expect(life.acknowledgedZxid).toBe(epoch + 1);
    // Not even by a crash now: nobody was promised the second, and nobody could be given it without the first.
    expect(await start(life.disk.kill().crash())).toEqual(text(life.appended.slice(0, 1)));
  });

  it("are both acknowledged when the first is on the disk too", async () => {
    const life = await HeldLife.open(30);
    await life.append([40]);
    await life.append([50]);
    life.syncs.release(1);
    life.syncs.release(0);
    await life.life.durable(epoch + 3);
    expect(await start(life.disk.crash())).toEqual(text(life.appended));
  });

  it.each([0, 1])("end with the storage when number %i fails after the other was on the disk", async (failing) => {
    const life = await HeldLife.open(30);
    await life.append([40]);
    await life.append([50]);
    life.syncs.release(1 - failing);
    await allTurns();
    life.syncs.fail(failing, diskError("EIO", "sync", "/data/log.100000001"));
    await expect(life.life.durable(epoch + 3)).rejects.toThrow("EIO");
    await life.life.storage.close();
    expect(life.acknowledgedZxid).toBe(failing === 0 ? epoch + 1 : epoch + 2);
  });

  it("leave nothing that the next start does not make a prefix of, wherever a crash comes", async () => {
    const counts = new Map<number, number>();
    for (let seed = 1; seed <= 600; seed += 1) {
      const random = seededRandom(seed);
      const clock = seed % 2 === 0 ? gatheringClock(12) : undefined;
      // So that the first batch begins anywhere in its block.
      const life = await HeldLife.open(1 + random.below(4_000), { clock });
      await life.append(Array.from({ length: 1 + random.below(3) }, () => random.below(random.pick([40, 9_000]))));
      const isLarge = random.below(3) === 0;
      const large = () => overlapFromBytes + random.below(9_000);
      await life.append(Array.from({ length: 1 + random.below(3) }, () => (isLarge ? large() : random.below(500))));
      const released = random.below(3);
      life.syncs.release(released);
      // A third, behind the one that is still under way.
      if (released === 0) await life.append([random.below(1_000)]);
      const left = life.disk.crash({ random });
      const found = await start(copyOf(left));
      expect(typeof found, `seed ${seed}: ${found}`).toBe("object");
      expect(found, `seed ${seed}`).toEqual(text(life.appended.slice(0, found.length)));
      expect(found.length, `seed ${seed}`).toBeGreaterThanOrEqual(life.acknowledgedZxid - epoch);
      counts.set(found.length, (counts.get(found.length) ?? 0) + 1);
      const next = await live(left, limits);
      await next.storage.writeEpoch(2);
      next.storage.append(letters(2 * epoch + 1, [20, 900]));
      await next.durable(2 * epoch + 2);
      expect(await start(left.crash()), `after seed ${seed}`).toHaveLength(found.length + 2);
    }
    // Some crashes left nothing of the batches, some all, and some a part.
    expect([...counts.keys()].length).toBeGreaterThan(4);
  });

  it("are told from rot afterwards, whichever byte it is", async () => {
    const life = await HeldLife.open(30);
    await life.append([40]);
    await life.append([50]);
    life.syncs.release(0);
    life.syncs.release(1);
    await life.life.durable(epoch + 3);
    const written = life.disk.kill();
    const path = "/data/log.100000001";
    const bytes = written.contents(path);
    expect(bytes.subarray(400, 4_096).every((byte) => byte === 0)).toBe(true);
    const lastByte = bytes.findLastIndex((byte) => byte !== 0);
    expect(lastByte).toBeGreaterThan(4_096);
    let refused = 0;
    for (let at = 0; at < 8_200; at += 1) {
      // Between the batches, and behind them, some bytes are enough.
      if (at % 5 > 0 && bytes.subarray(at, at + 8).every((byte) => byte === 0)) continue;
      for (const byte of [bytes[at]! ^ 0xff, bytes[at]! ^ 0x01, bytes[at]! ^ 0x80, 0]) {
        if (byte === bytes[at]) continue;
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        const found = await start(copyOf(written, (copy) => copy.put(path, changed)));
        if (typeof found === "string") refused += 1;
        else expect(found, `byte ${at} is ${byte}`).toEqual(text(life.appended));
      }
    }
    expect(refused).toBeGreaterThan(500);
  });

  it("are not put into a segment of the first version: they go into a new one", async () => {
    const first = await HeldLife.open(30, { random: withoutKeys });
    const path = "/data/log.100000001";
    const bytes = first.disk.contents(path);
    bytes.writeUInt32BE(1, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(16, 60), crc32(bytes.subarray(0, 12))), 12);
    const old = copyOf(first.disk, (copy) => copy.put(path, bytes));
    expect(await start(copyOf(old))).toEqual(text(first.appended));
    const life = await live(old, limits);
    const next = letters(epoch + 2, [40]);
    life.storage.append(next);
    await life.durable(epoch + 2);
    const crashed = old.crash();
    expect(crashed.paths()).toEqual(["/data/epoch", path, "/data/log.100000002"]);
    expect(await start(crashed)).toEqual(text([...first.appended, ...next]));
  });

  it("count with what is left free between them", async () => {
    const life = await HeldLife.open(30);
    const told: number[] = [];
    life.life.storage.onDurable = ((before) => (zxid, logBytes) => {
      told.push(logBytes);
      before(zxid, logBytes);
    })(life.life.storage.onDurable);
    await life.append([40]);
    await life.append([50]);
    life.syncs.releaseAll();
    await life.life.durable(epoch + 3);
    expect(told.at(-1)).toBeGreaterThan(4_096 - 64);
    expect(told.at(-1)).toBeLessThan(4_096 + 200);
    const { storage } = await live(life.disk.kill(), limits);
    expect(storage.replayedLogBytes).toBeGreaterThan(4_096);
  });
});
