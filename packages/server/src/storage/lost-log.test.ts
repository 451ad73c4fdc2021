/**
 * Log files that somebody has cut short or deleted. No crash does that to a file that was synced; so either all that
 * was acknowledged comes back, or the start is refused. (After random lives: crash.test.ts.)
 */
import { MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import {
  copyOf,
  directory,
  letters,
  lifeRandom,
  live,
  resize,
  text,
  toChunks,
} from "../../test-support/storage-life.ts";
import { noKey } from "./record.ts";
import { encodeSegmentHeader } from "./segment.ts";
import { Storage, StorageError } from "./storage.ts";

const firstZxid = 2 ** 32 + 1;
const firstLog = "/data/log.100000001";

/** The first life of a directory: an epoch, then records one by one, all acknowledged; then it is killed. */
async function firstLife(lengths: readonly number[], snapshotAfter?: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const { storage, durable } = await live(disk);
  await storage.writeEpoch(1);
  const records = letters(firstZxid, lengths);
  for (const [index, record] of records.entries()) {
    storage.append([record]);
    await durable(record.zxid);
    if (index === snapshotAfter) await storage.writeSnapshot(record.zxid, toChunks(records.slice(0, index + 1)));
  }
  return disk.kill();
}

/** What a refused start says; undefined if it starts. Nothing may have changed then. */
async function refusal(disk: MemoryDisk): Promise<string | undefined> {
  const before = disk.paths().map((path) => `${path} ${disk.contents(path).toString("latin1")}`);
  try {
    await live(disk);
    return undefined;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    expect(disk.paths().map((path) => `${path} ${disk.contents(path).toString("latin1")}`)).toEqual(before);
    return error.message;
  }
}

const lengths = Array.from({ length: 12 }, (_, index) => 20 + index * 9);

describe("a log in the first life of its directory", () => {
  it("comes back as it is, and without what was written ahead of it", async () => {
    const disk = await firstLife(lengths);
    expect(disk.paths()).toEqual(["/data/epoch", firstLog]);
    expect(text((await live(disk)).recovered)).toEqual(text(letters(firstZxid, lengths)));
  });

  it("is never taken for whole when it was cut, wherever that was", async () => {
    const disk = await firstLife(lengths);
    const size = disk.contents(firstLog).length;
    for (let length = 0; length < size; length += 1) {
      const said = await refusal(copyOf(disk, (copy) => resize(copy, firstLog, length)));
      expect(said, `cut at ${length}`).toContain(firstLog);
    }
  });

  it.each([
    ["cut in the middle", (disk: MemoryDisk) => resize(disk, firstLog, 700)],
    ["cut to nothing", (disk: MemoryDisk) => resize(disk, firstLog, 0)],
    ["deleted", (disk: MemoryDisk) => disk.take(firstLog)],
  ])("is refused with file, place and remedy when it was %s", async (_, change) => {
    expect(await refusal(copyOf(await firstLife(lengths), change))).toMatchSnapshot();
  });
});

describe("a log that has grown", () => {
  it("is never taken for whole when it was cut, also where a step of its growth ends", async () => {
    // The second record needs the second step, the third the third one; the step is 2,048 bytes.
    const disk = await firstLife([500, 1_900, 1_200, 10]);
    expect(disk.contents("/data/log.100000004").length).toBe(2_048);
    const grown = await firstLife([500, 1_900]);
    expect(grown.contents(firstLog).length).toBe(4_096);
    for (const length of [2_048, 2_049, 2_500, 3_000, 4_095]) {
      const said = await refusal(copyOf(grown, (copy) => resize(copy, firstLog, length)));
      expect(said, `cut at ${length}`).toContain(`it has ${length} bytes`);
    }
  });

  it("costs one sync more than its batches for each step", async () => {
    const disk = new MemoryDisk();
    const { storage, durable } = await live(disk);
    storage.append(letters(1, [10]));
    await durable(1);
    let syncs = 0;
    disk.onOperation = ({ kind }) => {
      if (kind === "sync") syncs += 1;
    };
    for (let zxid = 2; zxid <= 30; zxid += 1) {
      storage.append(letters(zxid, [20]));
      await durable(zxid);
    }
    // 64 for the header, 64 for the first record, 72 for each of the others: the 27th of them passes byte 2,048.
    expect(syncs).toBe(29 + 1);
  });
});

describe("the newest of several log files", () => {
  it("is not taken for needless because of an unfinished one that comes behind it and says so", async () => {
    const disk = await firstLife([20, 30, 40, 50], 1);
    const other = encodeSegmentHeader({
      firstZxid: firstZxid + 9,
      previousZxid: firstZxid + 1,
      keptBytes: 64,
      key: noKey,
    });
    const said = await refusal(copyOf(disk, (copy) => copy.put("/data/log.10000000a", other)));
    expect(said).toContain("/data/log.10000000a");
  });

  it("is missed, even if it was deleted right after its first record", async () => {
    const disk = await firstLife([30, 30, 30], 1);
    const newest = "/data/log.100000003";
    expect(disk.paths()).toEqual(["/data/epoch", firstLog, newest, "/data/snapshot.100000002"]);
    expect(await refusal(copyOf(disk, (copy) => copy.take(newest)))).toMatchInlineSnapshot(
      `"The log /data/log.100000003 is missing, and with it the records from 0x100000003 on. Restore the directory from a backup, or see with corral-server repair what can be saved, and what is lost by it; with --yes that is done, and fencing tokens keep growing."`,
    );
    expect(await refusal(copyOf(disk, (copy) => resize(copy, newest, 100)))).toContain(newest);
    expect(await refusal(copyOf(disk, (copy) => resize(copy, newest, 30)))).toContain(newest);
  });

  it("is no longer asked for when a start has removed it, because it had no record", async () => {
    const disk = await firstLife([30, 30, 30], 1);
    // As if the third record had never reached the disk.
    const newest = "/data/log.100000003";
    const bytes = disk.contents(newest).fill(0, 64);
    let next = copyOf(disk, (copy) => copy.put(newest, bytes));
    for (const epoch of [2, 3]) {
      const life = await live(next);
      expect(life.recovered.length).toBe(2);
      expect(next.paths()).not.toContain(newest);
      await life.storage.writeEpoch(epoch);
      next = next.crash();
    }
  });
});

describe("an older copy of the epoch file", () => {
  /** A life of some segments behind a snapshot each, and two more behind them; and the epoch file as it was after each record. */
  async function segments(
    count: number,
  ): Promise<{ disk: MemoryDisk; records: ReturnType<typeof letters>; epochs: Buffer[] }> {
    const disk = new MemoryDisk();
    const { storage, durable } = await live(disk);
    await storage.writeEpoch(1);
    const records = letters(firstZxid, [...new Array(count).fill(40), 3_000, 3_000, 40]);
    const epochs: Buffer[] = [];
    for (const [index, record] of records.entries()) {
      storage.append([record]);
      await durable(record.zxid);
      epochs.push(Buffer.from(disk.contents("/data/epoch")));
      if (index < count) await storage.writeSnapshot(record.zxid, toChunks(records.slice(0, index + 1)));
    }
    await storage.close();
    return { disk: disk.kill(), records, epochs };
  }

  it("names a log that is needless and has been removed: all that is there counts", async () => {
    const { disk, records, epochs } = await segments(6);
    expect(disk.paths()).not.toContain(firstLog);
    disk.put("/data/epoch", epochs[0] as Buffer);
    expect(text((await live(disk)).recovered)).toEqual(text(records));
  });

  it("does not hide a gap in what is there", async () => {
    const { disk, epochs } = await segments(6);
    const logs = disk.paths().filter((path) => path.includes("/log."));
    disk.put("/data/epoch", epochs[0] as Buffer);
    disk.take(logs.at(-2) as string);
    expect(await refusal(disk)).toMatch(/^Log records are missing in /);
  });
});

describe("a directory that was restored from a snapshot alone", () => {
  it("starts again and again, also if nothing is written in between", async () => {
    const source = await firstLife([30, 30], 1);
    let disk = new MemoryDisk();
    disk.put("/data/snapshot.100000002", source.contents("/data/snapshot.100000002"));
    for (const epoch of [2, 3, 4]) {
      const life = await live(disk);
      expect(life.recovered.length).toBe(2);
      await life.storage.writeEpoch(epoch);
      disk = disk.crash();
    }
    expect(disk.paths()).toEqual(["/data/epoch", "/data/snapshot.100000002"]);
  });
});

describe("a warning", () => {
  it("does not call a cut file a write that was never acknowledged", async () => {
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (_: object, message: string) => warnings.push(message) };
    const disk = copyOf(await firstLife(lengths), (copy) => resize(copy, firstLog, 600));
    await expect(Storage.open({ disk, directory, logger, random: lifeRandom })).rejects.toThrow(StorageError);
    expect(warnings).toEqual([]);
  });
});
