import { crc32 } from "@corral/io";
import { MemoryDisk, seededRandom } from "@corral/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { copyOf, letters, live, resize, smallLimits, text, toChunks } from "../../test-support/storage-life.ts";
import { encodeEpochFile } from "./epoch-file.ts";
import { recordByteLength } from "./record.ts";
import { segmentHeaderBytes } from "./segment.ts";
import { StorageError } from "./storage-error.ts";

/** A directory with an epoch, two snapshots, three segments, closed in order. */
const lengths = [30, 120, 0, 560, 60, 40, 600, 40, 200, 80, 90];
const epochStart = 2 ** 32;
const records = letters(epochStart + 1, lengths);
let original: MemoryDisk;

beforeAll(async () => {
  original = new MemoryDisk();
  const { storage, durable } = await live(original, { ...smallLimits, segmentBytes: 700 });
  await storage.writeEpoch(1);
  for (const [index, record] of records.entries()) {
    storage.append([record]);
    await durable(record.zxid);
    if (index === 1 || index === 3 || index === 7)
      await storage.writeSnapshot(record.zxid, toChunks(records.slice(0, index + 1)));
  }
  await storage.close();
  original = original.crash();
});

function copy(change?: (disk: MemoryDisk) => void): MemoryDisk {
  return copyOf(original, change);
}

/** Text of what a start says, or the records that come back. */
async function start(disk: MemoryDisk): Promise<string | readonly string[]> {
  try {
    return text((await live(disk)).recovered);
  } catch (error) {
    if (error instanceof StorageError) return error.message;
    throw error;
  }
}

const lastLog = "/data/log.100000009";

describe("recovery", () => {
  it("finds the files that this test is about", async () => {
    expect(original.paths()).toEqual([
      "/data/epoch",
      "/data/log.100000005",
      "/data/log.100000008",
      lastLog,
      "/data/snapshot.100000004",
      "/data/snapshot.100000008",
    ]);
    expect(await start(copy())).toEqual(text(records));
  });

  it("never returns anything but the exact history when a single byte is changed anywhere", async () => {
    const random = seededRandom(3);
    let refused = 0;
    let exact = 0;
    for (const path of original.paths()) {
      const bytes = original.contents(path);
      for (let at = 0; at < bytes.length; at += 1) {
        // The zeros behind the records: every 7th is enough.
        if (at % 7 > 0 && bytes.subarray(at, at + 8).every((byte) => byte === 0)) continue;
        for (const byte of [bytes[at]! ^ 0xff, random.pick([bytes[at]! ^ 0x01, bytes[at]! ^ 0x80, 0])]) {
          if (byte === bytes[at]) continue;
          const changed = Buffer.from(bytes);
          changed[at] = byte;
          const outcome = await start(copy((disk) => disk.put(path, changed)));
          if (typeof outcome === "string") refused += 1;
          else {
            expect(outcome, `${path} byte ${at}`).toEqual(text(records));
            exact += 1;
          }
        }
      }
    }
    expect(refused).toBeGreaterThan(500);
    expect(exact).toBeGreaterThan(500);
  }, 60_000);

  describe("of a log whose last record is not there as a whole", () => {
    const withoutLast = text(records.slice(0, -1));
    const lastStart = segmentHeaderBytes + 256 + 136;

    it("gives all the others back when the file is cut at every byte of it, and goes on from there", async () => {
      // The file is growing for it: what is behind the kept bytes may be there or not.
      const growing = new MemoryDisk();
      const { storage, durable } = await live(growing);
      const keptBytes = 2_048;
      storage.append(letters(1, [1_900]));
      await durable(1);
      let killed: MemoryDisk | undefined;
      growing.onOperation = ({ kind }) => {
        if (kind === "sync") killed ??= growing.kill();
      };
      storage.append(letters(2, [300]));
      await expect(durable(2)).rejects.toThrow();
      const [from, to] = [2_016, 2_368];
      for (let length = from; length < to; length += 1) {
        const disk = copyOf(killed as MemoryDisk, (copy) => {
          resize(copy, "/data/log.1", length);
          resize(copy, "/data/log.1", Math.max(length, keptBytes));
        });
        const life = await live(disk);
        expect(text(life.recovered), `cut at ${length}`).toEqual(text(letters(1, [1_900])));
        await life.storage.writeEpoch(2);
        life.storage.append(letters(2 * epochStart + 1, [20]));
        await life.durable(2 * epochStart + 1);
        expect((await live(disk.crash())).recovered.length).toBe(2);
      }
      const whole = copyOf(killed as MemoryDisk, (copy) => resize(copy, "/data/log.1", to));
      expect((await live(whole)).recovered.length).toBe(2);
    });

    it("gives all the others back when only zeros stand from any byte on", async () => {
      // After 138 bytes come padding and end mark: by then the checksums vouch for the record.
      for (let length = lastStart; length < lastStart + 144; length += 1) {
        const bytes = original.contents(lastLog).fill(0, length);
        expect(await start(copy((disk) => disk.put(lastLog, bytes))), `from ${length}`).toEqual(
          length < lastStart + 138 ? withoutLast : text(records),
        );
      }
    });

    it("gives all the others back when a sector of it is missing", async () => {
      const disk = new MemoryDisk();
      const life = await live(disk);
      const history = letters(1, [100, 2_500]);
      life.storage.append(history.slice(0, 1));
      await life.durable(1);
      life.storage.append(history.slice(1));
      await life.durable(2);
      await life.storage.close();
      const bytes = disk.contents("/data/log.1");
      for (let sector = 0; sector < 5; sector += 1) {
        const holed = Buffer.from(bytes);
        holed.fill(0, Math.max(216, sector * 512), (sector + 1) * 512);
        const changed = new MemoryDisk();
        changed.put("/data/log.1", holed);
        const next = await live(changed);
        expect(text(next.recovered)).toEqual(text(history.slice(0, 1)));
        expect(next.truncatedBytes).toBe(recordByteLength(2_500));
      }
    });
  });

  it("refuses a hole that a later record shows to have been whole", async () => {
    const bytes = original.contents(lastLog).fill(0, 64, 64 + 256);
    expect(await start(copy((disk) => disk.put(lastLog, bytes)))).toMatchInlineSnapshot(
      `"The log /data/log.100000009 is damaged at byte 64, after the record 0x100000008: the record there has a hole in its header, but the record at byte 320 shows that it had been on the disk. Restore the directory from a backup, or see with corral-server repair what can be saved, and what is lost by it; with --yes that is done, and fencing tokens keep growing."`,
    );
  });

  it("refuses a complete record with a wrong checksum at the very end", async () => {
    const bytes = original.contents(lastLog);
    bytes[64 + 256 + 136 + 60]! ^= 1;
    const disk = copy((changed) => changed.put(lastLog, bytes));
    const before = disk.paths().map((path) => disk.contents(path).toString("hex"));
    expect(await start(disk)).toMatchInlineSnapshot(
      `"The log /data/log.100000009 is damaged at byte 456, after the record 0x10000000a: the record there is complete, but its checksum is wrong. Restore the directory from a backup, or see with corral-server repair what can be saved, and what is lost by it; with --yes that is done, and fencing tokens keep growing."`,
    );
    expect(disk.paths().map((path) => disk.contents(path).toString("hex"))).toEqual(before);
  });

  it("takes an older snapshot when the newest is damaged and the log since then is whole", async () => {
    const disk = copy((changed) => changed.put("/data/snapshot.100000008", Buffer.from("CORRALSN ruined")));
    expect(await start(disk)).toEqual(text(records));
    expect(disk.paths()).toContain("/data/snapshot.100000008.damaged");
  });

  it.each<[string, (disk: MemoryDisk) => void]>([
    [
      "the last segment is missing, and the epoch file knows it",
      (disk) => {
        disk.take(lastLog);
        disk.put("/data/epoch", encodeEpochFile({ epoch: 2, lastZxid: 0x1_0000_000b, newestLogZxid: 0x1_0000_0008 }));
      },
    ],
    [
      "the last segment is missing, and a snapshot knows it",
      (disk) => {
        disk.take(lastLog);
        disk.take("/data/log.100000008");
        disk.take("/data/epoch");
      },
    ],
    [
      "the last segment is missing, and its predecessor too",
      (disk) => {
        disk.take(lastLog);
        disk.take("/data/log.100000008");
      },
    ],
    [
      "a middle segment is missing, and the newest snapshot damaged",
      (disk) => {
        disk.take("/data/log.100000008");
        disk.put("/data/snapshot.100000008", Buffer.from("ruined"));
      },
    ],
    [
      "all segments are missing",
      (disk) => {
        for (const path of disk.paths()) if (path.includes("log.")) disk.take(path);
      },
    ],
    [
      "all snapshots are missing, and the first segment",
      (disk) => {
        for (const path of disk.paths()) if (/snapshot|log.100000005/.test(path)) disk.take(path);
      },
    ],
    [
      "an earlier segment that is needed ends in a torn record",
      (disk) => {
        disk.take("/data/snapshot.100000008");
        disk.put("/data/log.100000005", disk.contents("/data/log.100000005").fill(0, 300));
      },
    ],
    [
      "an earlier segment that is needed was cut",
      (disk) => {
        disk.take("/data/snapshot.100000008");
        disk.put("/data/log.100000005", disk.contents("/data/log.100000005").subarray(0, 300));
      },
    ],
    [
      "a segment was renamed",
      (disk) => {
        disk.put("/data/log.10000000a", disk.contents(lastLog));
        disk.take(lastLog);
      },
    ],
    ["the epoch is damaged", (disk) => disk.put("/data/epoch", Buffer.from("epoch 7"))],
    [
      "the epoch is older than the log",
      (disk) => {
        disk.put("/data/epoch", encodeEpochFile({ epoch: 0, lastZxid: 0, newestLogZxid: 0x1_0000_0009 }));
      },
    ],
    [
      "the log is one of Apache ZooKeeper",
      (disk) => disk.put("/data/log.10000000c", Buffer.from("ZKLG\0\0\0\x02\0\0\0\0")),
    ],
  ])("refuses when %s", async (name, change) => {
    const outcome = await start(copy(change));
    expect(typeof outcome).toBe("string");
    expect(`${name}: ${outcome}`).toMatchSnapshot();
  });

  it("takes a snapshot alone for a restored backup", async () => {
    const disk = new MemoryDisk();
    disk.put("/data/snapshot.100000004", original.contents("/data/snapshot.100000004"));
    const life = await live(disk);
    expect(text(life.recovered)).toEqual(text(records.slice(0, 4)));
    expect(life.storage.currentEpoch).toBe(1);
    await life.storage.writeEpoch(2);
    life.storage.append(letters(2 * epochStart + 1, [10]));
    await life.durable(2 * epochStart + 1);
    expect((await live(disk.crash())).recovered.length).toBe(5);
  });

  it("removes what was not finished, and leaves strangers alone", async () => {
    const disk = copy((changed) => {
      for (const name of ["snapshot.10000000a.tmp", "epoch.tmp", "notes.txt", "log.00ff", "snapshot.x"]) {
        changed.put(`/data/${name}`, Buffer.from("something"));
      }
      changed.put("/data/log.200000001", Buffer.alloc(0));
    });
    expect(await start(disk)).toEqual(text(records));
    expect(disk.paths().filter((path) => !original.paths().includes(path))).toEqual([
      "/data/log.00ff",
      "/data/notes.txt",
      "/data/snapshot.x",
    ]);
  });

  it("survives a payload that looks like a record, in a torn record", async () => {
    const random = seededRandom(5);
    const forged = original.contents(lastLog).subarray(64);
    const disk = new MemoryDisk();
    const life = await live(disk);
    life.storage.append(letters(1, [100]));
    await life.durable(1);
    life.storage.append([{ zxid: 2, bytes: Buffer.concat([random.bytes(600), forged]) }]);
    await life.durable(2);
    await life.storage.close();
    const bytes = disk.contents("/data/log.1");
    disk.put("/data/log.1", bytes.fill(0, 512, 1_024));
    expect(await start(disk)).toEqual(["1 a×100"]);
  });

  it.each([
    ["snapshot", `/data/snapshot.${(epochStart + 8).toString(16)}`, 32],
    ["segment", lastLog, 60],
  ])("is refused when a %s is of a newer version, and nothing is touched", async (_, path, checkedBytes) => {
    const bytes = original.contents(path);
    bytes.writeUInt32BE(9, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(16, checkedBytes), crc32(bytes.subarray(0, 12))), 12);
    const disk = copy((changed) => changed.put(path, bytes));
    const before = disk.paths();
    const said = await start(disk);
    expect(said).toMatch(/^Nothing is wrong with .* version 9, this program knows .* Use the version that wrote it\.$/);
    expect(said).toContain(path);
    expect(disk.paths()).toEqual(before);
  });
});
