/**
 * The key of a segment, which goes into the checksums of its records: a client's data cannot pass for a record where one is
 * looked for behind a torn write. Segments of before there were keys are read as they were, and followed by one with a key.
 */
import { crc32, type Random } from "@corral/io";
import { MemoryDisk, seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import {
  copyOf,
  directory,
  type Life,
  letters,
  live,
  resize,
  smallLimits,
  startOf,
  text,
  withoutKeys,
} from "../../test-support/storage-life.ts";
import { TreeLife } from "../../test-support/tree-life.ts";
import { planRepair } from "../repair/plan.ts";
import { survey } from "../repair/survey.ts";
import { encodeEpochFile } from "./epoch-file.ts";
import { defaultStorageLimits } from "./limits.ts";
import { drawKey, encodeRecords, noKey, recordByteLength, recordHeaderBytes } from "./record.ts";
import { decodeSegmentHeader, encodeSegmentHeader, possibleKeys, segmentHeaderBytes } from "./segment.ts";
import type { LogRecord } from "./storage.ts";

const limits = { ...smallLimits, segmentBytes: 1024 * 1024 };
const logs = (disk: MemoryDisk) => disk.paths().filter((path) => path.includes("/log."));

async function append({ storage, durable }: Life, records: readonly LogRecord[]): Promise<void> {
  storage.append(records);
  await durable(records.at(-1)?.zxid ?? 0);
}

const start = (disk: MemoryDisk) => startOf(disk, limits);

/** Data that stands at `offset` of the file, full of records that say that everything before them is durable. */
function forgedRecords(offset: number): Buffer {
  const data = Buffer.alloc(20_000, 7);
  for (let at = 512; at + 100 < data.length; at += 256) {
    const position = Math.ceil((offset + at) / 8) * 8;
    const place = { key: noKey, position, durablePosition: position, previousZxid: 1 };
    encodeRecords([{ zxid: 2 ** 40, bytes: Buffer.from("forged") }], place).copy(data, position - offset);
  }
  return data;
}

describe("a torn write whose data has records in it that somebody has made up", () => {
  const payloadStart = segmentHeaderBytes + recordByteLength(30) + 48;
  const first = letters(1, [30]);
  const torn = async (random: Random, from: number, to: number): Promise<MemoryDisk> => {
    const disk = new MemoryDisk();
    const life = await live(disk, limits, { random });
    await append(life, first);
    await append(life, [{ zxid: 2, bytes: forgedRecords(payloadStart) }]);
    const bytes = disk.contents("/data/log.1").fill(0, from, to);
    return copyOf(disk, (copy) => copy.put("/data/log.1", bytes));
  };

  it.each([
    ["its first sector", payloadStart - 48, 512],
    ["one in its middle", 1_024, 1_536],
    ["its last", 19_968, 20_480],
  ])("is cut off where %s is missing, for nobody can guess the key", async (_, from, to) => {
    expect(await start(await torn(seededRandom(5), from, to))).toEqual(text(first));
    // Without one, the data would be believed.
    const believed = from < 19_000 ? /shows that it had been on the disk/ : undefined;
    if (believed) expect(await start(await torn(withoutKeys, from, to))).toMatch(believed);
  });

  it.each([0x5a, 0])(
    "is not what a repair takes for lost entries where 0x%s is all that is left of key and first record",
    async (byte) => {
      const disk = await torn(seededRandom(5), 0, 0);
      disk.put("/data/log.1", disk.contents("/data/log.1").fill(byte, 0, 100));
      const { segments } = await survey(disk, directory, defaultStorageLimits.itemBytes);
      expect(segments.map(({ isReadable, beyond }) => ({ isReadable, beyond }))).toEqual([
        { isReadable: false, beyond: undefined },
      ]);
    },
  );

  it("gives no epoch that there never was, where segments have no key", async () => {
    const forged = await torn(withoutKeys, payloadStart - 48, 512);
    const lost = async (epoch: number) => {
      const disk = copyOf(forged, (copy) =>
        copy.put("/data/epoch", encodeEpochFile({ epoch, lastZxid: 0, newestLogZxid: 1 })),
      );
      const { segments } = await survey(disk, directory, defaultStorageLimits.itemBytes);
      return segments[0]?.beyond?.lastZxid;
    };
    expect([await lost(2 ** 8), await lost(2 ** 8 - 1)]).toEqual([2 ** 40, undefined]);
  });

  it("gives none without an epoch file but those of file names, and of the records before", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk, limits, { random: withoutKeys });
    await life.storage.writeEpoch(2);
    const zxids = [1, 2 ** 32 + 1, 2 ** 32 + 2, 2 ** 32 + 3, 2 ** 33 + 1];
    for (const zxid of zxids) await append(life, [{ zxid, bytes: Buffer.alloc(30, 7) }]);
    disk.take("/data/epoch");
    const bytes = disk.contents("/data/log.1");
    const lost = async (badAt: number, otherName?: string) => {
      const damaged = copyOf(disk, (copy) => {
        copy.put("/data/log.1", Buffer.from(bytes).fill(0x5a, badAt, badAt + 1));
        if (otherName !== undefined) copy.put(`/data/${otherName}`, Buffer.alloc(0));
      });
      const { segments } = await survey(damaged, directory, defaultStorageLimits.itemBytes);
      return segments[0]?.beyond?.lastZxid;
    };
    const placeOf = (index: number) => segmentHeaderBytes + index * recordByteLength(30) + recordHeaderBytes;
    expect(await lost(placeOf(2))).toBe(2 ** 32 + 3);
    expect(await lost(placeOf(0))).toBeUndefined();
    expect(await lost(placeOf(0), "snapshot.100000002")).toBe(2 ** 32 + 3);
    expect(await lost(placeOf(0), "log.200000002")).toBe(2 ** 33 + 1);
  });

  it("is refused nevertheless when a real record shows that it had been on the disk", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk, limits);
    for (const record of letters(1, [30, 2_000, 30])) await append(life, [record]);
    const bytes = disk.contents("/data/log.1").fill(0, 1_024, 1_536);
    const damaged = copyOf(disk, (copy) => copy.put("/data/log.1", bytes));
    expect(await start(damaged)).toMatch(/shows that it had been on the disk/);
  });
});

describe("a segment's key", () => {
  it("is another one for each segment", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk, { ...limits, segmentBytes: 200 });
    for (const record of letters(1, [100, 100, 100, 100])) await append(life, [record]);
    const keys = logs(disk).map((path) => possibleKeys(disk.contents(path).subarray(0, segmentHeaderBytes))[0]);
    expect(keys.length).toBeGreaterThan(2);
    expect(new Set(keys.map((key) => JSON.stringify(key))).size).toBe(keys.length);
  });

  it("stays what it is when its segment is written on after a start", async () => {
    const disk = new MemoryDisk();
    const records = letters(1, [100, 100, 5_000]);
    for (const record of records) {
      const life = await live(disk, limits);
      await append(life, [record]);
      await life.storage.close();
    }
    expect(logs(disk)).toEqual(["/data/log.1"]);
    expect(await start(disk)).toEqual(text(records));
  });

  it("has its place in the header, twice", () => {
    const key = drawKey(seededRandom(9));
    const header = { firstZxid: 7, previousZxid: 6, keptBytes: 4_096, key };
    const bytes = encodeSegmentHeader(header);
    expect(bytes.readUInt32BE(8)).toBe(3);
    expect(decodeSegmentHeader(bytes)).toEqual({ kind: "header", header });
    const numbers = [40, 44, 48, 52].map((at) => bytes.readUInt32BE(at));
    expect(numbers).toEqual([key.header, key.body, key.header, key.body]);
  });

  /** What a repair keeps of a directory whose last segment has a bad header. */
  const keptWith = async (disk: MemoryDisk, path: string, spoil: (bytes: Buffer) => void): Promise<number> => {
    const bytes = disk.contents(path);
    spoil(bytes);
    const spoilt = copyOf(disk, (copy) => copy.put(path, bytes));
    const plan = await planRepair(spoilt, directory);
    expect(plan.lostUpToZxid).toBe(undefined);
    return plan.kept.zxid;
  };

  it("is still known to a repair when any byte of the header is bad, or all of it and there are two records", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk, limits);
    await life.begin();
    const [path = ""] = logs(disk);
    const one = copyOf(disk);
    const oneZxid = life.state.lastZxid;
    for (let at = 0; at < segmentHeaderBytes; at += 1) {
      const kept = await keptWith(one, path, (bytes) => {
        bytes[at]! ^= 0x41;
      });
      expect(kept, `byte ${at}`).toBe(oneZxid);
    }
    await expect(keptWith(one, path, (bytes) => bytes.fill(0x5a, 0, segmentHeaderBytes))).rejects.toThrow(
      "Nothing in /data can be saved",
    );
    life.create("/a", Buffer.from("text"));
    await life.applied();
    for (const byte of [0, 0x5a]) {
      const kept = await keptWith(copyOf(disk), path, (bytes) => bytes.fill(byte, 0, segmentHeaderBytes));
      expect(kept).toBe(life.state.lastZxid);
    }
  });

  it("that a first record gives which is bad itself is not believed", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk, limits);
    await append(life, letters(1, [30, 30, 30]));
    const bytes = disk.contents("/data/log.1").fill(0x5a, 0, segmentHeaderBytes);
    bytes[segmentHeaderBytes + recordHeaderBytes]! ^= 1;
    disk.put("/data/log.1", bytes);
    const { segments } = await survey(disk, directory, defaultStorageLimits.itemBytes);
    expect(segments).toMatchObject([{ isReadable: false, recordCount: 0, beyond: undefined }]);
  });
});

describe("a segment of before there were keys", () => {
  const path = "/data/log.100000001";
  /** As version 2 was written: two records. */
  const bytes = Buffer.from(
    [
      "434f5252414c574c00000002504ea99a00000001000000010000000000000000",
      "000000000000040000000000000000000000000000000000000000005e9ead0f",
      "c0a15ea700000040d80c5f18b4c8251500000001000000010000000000000000",
      "00000000000000400000000500000000666972737400000000000000e0d0fb0b",
      "c0a15ea700000040a0182a216ad7eb8800000001000000020000000100000001",
      "000000000000008000000006000000007365636f6e64000000000000e0d0fb0b",
    ].join(""),
    "hex",
  );
  const records = ["first", "second"].map((name, i) => ({ zxid: 2 ** 32 + 1 + i, bytes: Buffer.from(name) }));
  const old = (keptBytes = 1_024) => {
    const disk = new MemoryDisk();
    const file = Buffer.concat([bytes, Buffer.alloc(1_024 - bytes.length)]);
    file.writeUInt32BE(keptBytes, 36);
    file.writeUInt32BE(crc32(file.subarray(16, 60), crc32(file.subarray(0, 12))), 12);
    disk.put(path, file);
    return disk;
  };

  it("is read as it was, and the next record goes into one with a key", async () => {
    const disk = old();
    const life = await live(disk, limits);
    expect(text(life.recovered)).toEqual(text(records));
    expect(logs(disk)).toEqual([path]);
    const third = { zxid: 2 ** 32 + 3, bytes: Buffer.from("third") };
    await append(life, [third]);
    const next = "/data/log.100000003";
    expect(logs(disk)).toEqual([path, next]);
    expect(possibleKeys(disk.contents(path))).toEqual([noKey, noKey]);
    expect(possibleKeys(disk.contents(next))).not.toContainEqual(noKey);
    expect(disk.contents(path)).toEqual(old().contents(path));
    expect(await start(disk.crash())).toEqual(text([...records, third]));
  });

  it.each([
    ["all of it is within its kept bytes", 1_024],
    ["it is longer than it was when its header was written", 128],
  ])(
    "is left as it is, for the version before to read it, by a start that writes nothing: %s",
    async (_, keptBytes) => {
      const disk = old(keptBytes);
      const before = disk.contents(path);
      const { storage } = await live(disk, limits);
      await storage.writeEpoch(2);
      await storage.close();
      expect(disk.contents(path).equals(before)).toBe(true);
      expect(await start(copyOf(disk))).toEqual(text(records));
      // What was not counted before it was read is missed all the same.
      resize(disk, path, 128);
      expect(await start(disk)).toMatch(keptBytes > 128 ? /has been cut off/ : /0x100000002/);
    },
  );

  it("is judged as before where it ends in a torn record, or in a bad one", async () => {
    const torn = old();
    torn.put(path, torn.contents(path).fill(0, 150));
    expect(await start(torn)).toEqual(text(records.slice(0, 1)));
    const bad = old();
    const changed = bad.contents(path);
    changed[178]! ^= 1;
    bad.put(path, changed);
    expect(await start(bad)).toMatch(/damaged at byte 128/);
  });

  it("can be read by a repair whatever stands in the place of its header, its keys too", async () => {
    const disk = old();
    disk.put(path, disk.contents(path).fill(0x5a, 0, segmentHeaderBytes));
    const { segments } = await survey(disk, directory, defaultStorageLimits.itemBytes);
    expect(segments).toMatchObject([{ isReadable: true, recordCount: 2, lastZxid: 2 ** 32 + 2 }]);
  });

  it.each([
    ["its header", 0, segmentHeaderBytes],
    ["a record", 150, 151],
  ])("gets from a repair because of %s the header that it had, which the version before reads", async (_, from, to) => {
    const disk = old();
    disk.put(path, disk.contents(path).fill(0x5a, from, to));
    const { segments } = await survey(disk, directory, defaultStorageLimits.itemBytes);
    expect(segments.map(({ header }) => encodeSegmentHeader(header))).toEqual([bytes.subarray(0, segmentHeaderBytes)]);
  });

  it("is one that knows no key, to whatever stands where a later one has it", () => {
    const header = { firstZxid: 2 ** 32 + 1, previousZxid: 0, keptBytes: 1_024, key: noKey };
    expect(decodeSegmentHeader(bytes.subarray(0, segmentHeaderBytes))).toEqual({ kind: "header", header });
  });
});
