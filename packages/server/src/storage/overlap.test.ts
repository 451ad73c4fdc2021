/**
 * Two batches of the log under way at the same time. Whatever a crash leaves of them, the next start gives back a prefix of
 * what was appended that holds all that was acknowledged; and no byte that goes bad afterwards is taken for a torn write.
 */
import { MemoryDisk, seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { copyOf, type Life, letters, live, text } from "../../test-support/storage-life.ts";
import { type LogRecord, StorageError, type StorageLimits } from "./storage.ts";

const epoch = 2 ** 32;
const limits: Partial<StorageLimits> = { segmentBytes: 1024 * 1024, preallocateBytes: 32 * 1024 };

/** A life whose log's syncs wait until they are let through. */
class HeldLife {
  readonly disk: MemoryDisk;
  readonly appended: LogRecord[] = [];
  readonly #life: Life;
  #held: (() => void)[] | undefined;

  private constructor(disk: MemoryDisk, life: Life) {
    this.disk = disk;
    this.#life = life;
    disk.onOperation = ({ kind, path }) => {
      if (kind !== "sync" || !path.includes("/log.") || this.#held === undefined) return undefined;
      return new Promise((resolve) => this.#held?.push(resolve));
    };
  }

  static async open(disk: MemoryDisk): Promise<HeldLife> {
    const life = await live(disk, limits);
    await life.storage.writeEpoch(1);
    return new HeldLife(disk, life);
  }

  get acknowledgedZxid(): number {
    return this.#life.acknowledgedZxid;
  }

  /** Appends records of these lengths; with syncs that are held back, resolves when theirs is one of them. */
  async append(lengths: readonly number[]): Promise<void> {
    const records = letters(epoch + this.appended.length + 1, lengths);
    this.appended.push(...records);
    const before = this.#held?.length;
    this.#life.storage.append(records);
    if (before === undefined) return this.#life.durable(records.at(-1)?.zxid ?? 0);
    await turnsUntil(() => (this.#held?.length ?? 0) > before);
  }

  hold(): void {
    this.#held = [];
  }

  /** Lets through the sync that was asked for as number `index` of those held back. */
  release(index: number): void {
    this.#held?.[index]?.();
  }
}

async function turnsUntil(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns += 1) {
    if (turns === 1_000) throw new Error("it does not come to that");
    await Promise.resolve();
  }
}

/** Whatever can go on without anything being let through has gone on. */
async function allTurns(): Promise<void> {
  for (let turns = 0; turns < 1_000; turns += 1) await Promise.resolve();
}

/** What a start makes of it: the records, or why it refuses. */
async function start(disk: MemoryDisk): Promise<string[] | string> {
  try {
    const life = await live(disk, limits);
    await life.storage.close();
    return text(life.recovered);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return error.message;
  }
}

describe("two batches of the log under way", () => {
  it("are acknowledged in their order, though the second was on the disk before the first", async () => {
    const life = await HeldLife.open(new MemoryDisk());
    await life.append([30]);
    life.hold();
    await life.append([40]);
    await life.append([50]);
    life.release(1);
    await allTurns();
    expect(life.acknowledgedZxid).toBe(epoch + 1);
    // Not even by a crash now: nobody was promised the second, and nobody could be given it without the first.
    expect(await start(life.disk.kill().crash())).toEqual(text(life.appended.slice(0, 1)));
  });

  it("are both acknowledged when the first is on the disk too", async () => {
    const life = await HeldLife.open(new MemoryDisk());
    await life.append([30]);
    life.hold();
    await life.append([40]);
    await life.append([50]);
    life.release(1);
    life.release(0);
    await turnsUntil(() => life.acknowledgedZxid === epoch + 3);
    expect(await start(life.disk.crash())).toEqual(text(life.appended));
  });

  it("leave nothing that the next start does not make a prefix of, wherever a crash comes", async () => {
    const counts = new Map<number, number>();
    for (let seed = 1; seed <= 600; seed += 1) {
      const random = seededRandom(seed);
      const life = await HeldLife.open(new MemoryDisk());
      // So that the first batch begins anywhere in its block.
      await life.append([1 + random.below(4_000)]);
      life.hold();
      await life.append(Array.from({ length: 1 + random.below(3) }, () => random.below(random.pick([40, 9_000]))));
      await life.append(Array.from({ length: 1 + random.below(3) }, () => random.below(500)));
      const released = random.below(3);
      life.release(released);
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
    const life = await HeldLife.open(new MemoryDisk());
    await life.append([30]);
    life.hold();
    await life.append([40]);
    await life.append([50]);
    life.release(0);
    life.release(1);
    await turnsUntil(() => life.acknowledgedZxid === epoch + 3);
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
});
