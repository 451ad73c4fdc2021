import { DirectoryInUseError, type Logger, silentLogger } from "@corral/io";
import { diskError, MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { allTurns } from "../../test-support/held-syncs.ts";
import { directory, letters, lifeRandom, live, smallLimits, text, toChunks } from "../../test-support/storage-life.ts";
import { type LogRecord, SnapshotGivenUpError, Storage, StorageError } from "./storage.ts";

/** Lets the program go on until the condition holds; not for ever. */
async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns += 1) {
    if (turns === 1_000) throw new Error("it did not come to that");
    await Promise.resolve();
  }
}

describe("Storage", () => {
  it("starts empty in a new directory, and gives back epoch and records afterwards", async () => {
    const disk = new MemoryDisk();
    const first = await live(disk);
    expect([first.recovered.length, first.storage.snapshotZxid, first.storage.currentEpoch]).toEqual([0, 0, 0]);
    await first.storage.writeEpoch(1);
    const records = letters(2 ** 32 + 1, [10, 0, 700, 3]);
    first.storage.append(records.slice(0, 1));
    first.storage.append(records.slice(1));
    await first.durable(2 ** 32 + 4);
    await first.storage.close();
    await first.storage.close();
    expect(disk.paths()).toEqual(["/data/epoch", "/data/log.100000001"]);
    const second = await live(disk);
    expect(second.storage.currentEpoch).toBe(1);
    expect(text(second.recovered)).toEqual(text(records));
    expect(second.truncatedBytes).toBe(0);
  });

  it("goes on in the same segment after a start, and in a new one when it is full", async () => {
    let disk = new MemoryDisk();
    for (let round = 0; round < 6; round += 1) {
      const life = await live(disk);
      const records = letters(life.recovered.length + 1, [400, 400]);
      life.storage.append(records);
      await life.durable(records[1]!.zxid);
      disk = disk.crash();
    }
    expect(disk.paths()).toEqual(["/data/epoch", "/data/log.1", "/data/log.9"]);
    expect((await live(disk)).recovered.map(({ zxid }) => zxid)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it.each(["ENOENT", "ENXIO"])("tells the sizes of its files; one that is not there (%s) has none", async (code) => {
    const disk = new MemoryDisk();
    const life = await live(disk);
    life.storage.append(letters(1, [400]));
    await life.durable(1);
    expect((await life.storage.sizes()).logBytes).toBeGreaterThan(400);
    disk.onOperation = ({ kind, path }) => {
      if (kind === "open") throw diskError(code, kind, path);
      return undefined;
    };
    expect(await life.storage.sizes()).toEqual({ logBytes: 0, snapshotBytes: 0 });
  });

  it("gathers what is appended while a sync is in flight, and acknowledges in order", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk);
    life.storage.append(letters(1, [5]));
    await life.durable(1);
    const acknowledged: number[] = [];
    life.storage.onDurable = (zxid) => acknowledged.push(zxid);
    let letThrough = () => {};
    let syncs = 0;
    disk.onOperation = ({ kind }) => {
      if (kind !== "sync") return;
      syncs += 1;
      return new Promise((resolve) => (letThrough = resolve));
    };
    life.storage.append(letters(2, [5]));
    await until(() => syncs === 1);
    for (const zxid of [3, 4, 5]) life.storage.append(letters(zxid, [5]));
    expect(acknowledged).toEqual([]);
    letThrough();
    await until(() => syncs === 2);
    expect(acknowledged).toEqual([2]);
    letThrough();
    await life.storage.close();
    expect([acknowledged, syncs]).toEqual([[2, 5], 2]);
  });

  it("keeps the configured number of snapshots and the log that the oldest needs", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk);
    const records = letters(1, new Array<number>(60).fill(200));
    for (let zxid = 1; zxid <= 60; zxid += 1) {
      life.storage.append([records[zxid - 1]!]);
      await life.durable(zxid);
      if (zxid % 8 === 0) await life.storage.writeSnapshot(zxid, toChunks(records.slice(0, zxid)));
    }
    await life.storage.close();
    // 0x30 and 0x38 are the newest multiples of 8; the segment from 0x31 on is the one after snapshot 0x30.
    expect(disk.paths()).toEqual([
      "/data/epoch",
      "/data/log.31",
      "/data/log.39",
      "/data/snapshot.30",
      "/data/snapshot.38",
    ]);
    const next = await live(disk);
    expect(next.storage.snapshotZxid).toBe(56);
    expect(text(next.recovered)).toEqual(text(records));
  });

  it("keeps the whole log while there are fewer snapshots than may be kept, so that it can do without any", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk, { ...smallLimits, retainedSnapshots: 3 });
    const records = letters(1, [10, 10, 10, 10, 10]);
    for (const zxid of [3, 4]) {
      life.storage.append(records.slice(life.acknowledgedZxid, zxid));
      await life.durable(zxid);
      await life.storage.writeSnapshot(zxid, toChunks(records.slice(0, zxid)));
    }
    life.storage.append(records.slice(4));
    await life.storage.close();
    disk.put("/data/snapshot.3", Buffer.from("ruined"));
    disk.put("/data/snapshot.4", Buffer.from("ruined"));
    const next = await live(disk);
    expect(text(next.recovered)).toEqual(text(records));
    const logs = ["/data/log.1", "/data/log.4", "/data/log.5"];
    expect(disk.paths()).toEqual(["/data/epoch", ...logs, "/data/snapshot.3.damaged", "/data/snapshot.4.damaged"]);
  });

  it("pulls a snapshot's chunks one by one, and appends meanwhile", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk);
    const records = letters(1, [10, 10, 10, 10, 10, 10, 10]);
    life.storage.append(records.slice(0, 6));
    await life.durable(6);
    const log: string[] = [];
    disk.onOperation = ({ kind, path }) => {
      if (kind === "write") log.push(path.includes("snapshot") ? "snapshot" : "log");
    };
    const chunks = toChunks(records.slice(0, 6));
    function* pulled() {
      for (const chunk of chunks) {
        log.push("pull");
        yield chunk;
        if (chunk === chunks[0]) life.storage.append(records.slice(6));
      }
    }
    await life.storage.writeSnapshot(6, pulled());
    await life.durable(7);
    expect(log.filter((entry) => entry !== "log")).toEqual([
      "snapshot",
      "pull",
      "snapshot",
      "pull",
      "snapshot",
      "snapshot",
    ]);
    expect(text((await live(disk.crash())).recovered)).toEqual(text(records));
  });

  it("writes no snapshot that would leave the log without room", async () => {
    const free = { bytes: 999 };
    const disk = Object.assign(new MemoryDisk(), { freeBytes: async () => free.bytes });
    const life = await live(disk);
    life.storage.append(letters(1, [10]));
    await life.durable(1);
    const chunks = toChunks(letters(1, [10]));
    await expect(life.storage.writeSnapshot(1, chunks, 1_000)).rejects.toThrow("999 bytes are free, 1000 are needed");
    expect(disk.paths().filter((path) => path.includes("snapshot"))).toEqual([]);
    free.bytes = 1_000;
    await life.storage.writeSnapshot(1, chunks, 1_000);
    expect(disk.paths()).toContain("/data/snapshot.1");
    await life.storage.close();
  });

  it("writes a snapshot where nobody can tell how much room there is", async () => {
    const freeBytes = () => Promise.reject(diskError("EIO", "statfs", "/data"));
    const disk = Object.assign(new MemoryDisk(), { freeBytes });
    const life = await live(disk);
    life.storage.append(letters(1, [10]));
    await life.durable(1);
    await life.storage.writeSnapshot(1, toChunks(letters(1, [10])), 1_000);
    expect(disk.paths()).toContain("/data/snapshot.1");
    await life.storage.close();
  });

  it("leaves no trace of a snapshot that fails, and goes on", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk);
    life.storage.append(letters(1, [10]));
    await life.durable(1);
    const broken = function* () {
      yield Buffer.from("part");
      throw new TypeError("no more");
    };
    await expect(life.storage.writeSnapshot(1, broken())).rejects.toThrow(new TypeError("no more"));
    disk.capacityBytes = 2_048 + 200;
    await expect(life.storage.writeSnapshot(1, [Buffer.alloc(500)])).rejects.toThrow(/ENOSPC/);
    expect(disk.paths()).toEqual(["/data/epoch", "/data/log.1"]);
    life.storage.append(letters(2, [10]));
    await life.durable(2);
    await life.storage.close();
  });

  it.each([
    [
      "a full disk",
      (disk: MemoryDisk) => {
        disk.capacityBytes = 2_048;
      },
    ],
    [
      "a failed sync",
      (disk: MemoryDisk) => {
        disk.onOperation = ({ kind, path }) => {
          if (kind === "sync") throw diskError("EIO", "fdatasync", path);
        };
      },
    ],
  ])(
    "after %s says so once, acknowledges nothing more, and the next start knows what was promised",
    async (_, fail) => {
      const disk = new MemoryDisk();
      const life = await live(disk);
      life.storage.append(letters(1, [100]));
      await life.durable(1);
      fail(disk);
      life.storage.append(letters(2, [1_900, 1_900]));
      await expect(life.durable(2)).rejects.toThrow(StorageError);
      disk.onOperation = undefined;
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      life.storage.append(letters(4, [10]));
      await life.storage.close();
      expect([life.acknowledgedZxid, life.failures.length]).toEqual([1, 1]);
      expect(life.failures[0]).toMatchObject({
        file: "/data/log.1",
        cause: { code: expect.stringMatching(/ENOSPC|EIO/) },
      });
      const killed = await live(disk.kill());
      const zxids = killed.recovered.map(({ zxid }) => zxid);
      expect(zxids).toEqual([1, 2, 3].slice(0, zxids.length));
    },
  );

  it("makes sure of what it read: records that a killed process had not synced survive a crash after the next start", async () => {
    for (const cause of ["kill", "failed sync"] as const) {
      const disk = new MemoryDisk();
      const life = await live(disk);
      life.storage.append(letters(1, [100]));
      await life.durable(1);
      let next: MemoryDisk | undefined;
      disk.onOperation = ({ kind, path }) => {
        if (kind !== "sync") return;
        if (cause === "kill") next = disk.kill();
        throw diskError("EIO", kind, path);
      };
      life.storage.append(letters(2, [600]));
      await expect(life.durable(2)).rejects.toThrow();
      next ??= disk.kill();
      const second = await live(next);
      expect(second.recovered.length).toBe(2);
      expect((await live(next.crash())).recovered.length).toBe(2);
    }
  });

  it("does not keep its closing waiting for a snapshot, and leaves no trace of it", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk);
    life.storage.append(letters(1, [10]));
    await life.durable(1);
    let pulled = 0;
    const endless = function* () {
      for (;;) {
        pulled += 1;
        yield Buffer.alloc(100);
      }
    };
    const writing = expect(life.storage.writeSnapshot(1, endless())).rejects.toThrow(SnapshotGivenUpError);
    await until(() => pulled === 5);
    await life.storage.close();
    await writing;
    expect(disk.paths()).toEqual(["/data/epoch", "/data/log.1"]);
    expect((await live(disk)).recovered.length).toBe(1);
  });

  it("refuses a directory that another one uses, and gives it up at the end, also when it cannot start", async () => {
    const disk = new MemoryDisk();
    const life = await live(disk);
    await expect(live(disk)).rejects.toThrow(DirectoryInUseError);
    await life.storage.close();
    disk.put("/data/epoch", Buffer.from("ruined"));
    await expect(live(disk)).rejects.toThrow(StorageError);
    disk.take("/data/epoch");
    await (await live(disk)).storage.close();
  });

  it("says in one sentence why a directory cannot be used", async () => {
    const disk = new MemoryDisk();
    disk.onOperation = ({ path }) => {
      throw diskError("EACCES", "mkdir", path);
    };
    await expect(live(disk)).rejects.toThrow("The data directory /data cannot be used: EACCES: mkdir '/data'.");
  });

  it("holds its caller to the order of things", async () => {
    const disk = new MemoryDisk();
    const storage = await Storage.open({
      disk,
      directory,
      logger: silentLogger,
      random: lifeRandom,
      limits: smallLimits,
    });
    expect(() => storage.append(letters(1, [1]))).toThrow(/after its replay/);
    await storage.replay({ onSnapshotChunk() {}, onRecord() {} });
    await expect(storage.replay({ onSnapshotChunk() {}, onRecord() {} })).rejects.toThrow(/once/);
    expect(() => storage.append(letters(2 ** 32 + 1, [1]))).toThrow(/epoch is durable before/);
    storage.append(letters(3, [1]));
    expect(() => storage.append(letters(3, [1]))).toThrow(/grow/);
    await expect(storage.writeSnapshot(4, [])).rejects.toThrow(/durable/);
    await storage.writeEpoch(2);
    await expect(storage.writeEpoch(1)).rejects.toThrow(/do not go back/);
    await storage.close();
    expect(() => storage.append([])).toThrow(/before it is closed/);
  });

  it("does nothing to the directory once it is closed, though a segment was being made when another write failed", async () => {
    const disk = new MemoryDisk();
    const { storage, durable, failures } = await live(disk);
    const [first, second] = letters(1, [30, 40]) as [LogRecord, LogRecord];
    storage.append([first]);
    await durable(1);
    await storage.writeSnapshot(1, toChunks([first]));
    let goOn = () => {};
    const operations: string[] = [];
    disk.onOperation = ({ kind, path }) => {
      operations.push(`${kind} ${path}`);
      if (kind === "write" && path.endsWith("/epoch.tmp")) throw diskError("ENOSPC", kind, path);
      if (kind !== "open" || !path.endsWith("/log.2")) return undefined;
      return new Promise((resolve) => {
        goOn = resolve;
      });
    };
    storage.append([second]);
    const closed = storage.close().then(() => operations.splice(0));
    await allTurns();
    goOn();
    expect(await closed).toContain("close /data/log.2");
    await allTurns();
    expect(operations).toEqual([]);
    expect(failures.map(String).join()).toContain("ENOSPC");
  });

  it("warns of what it had to do without", async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) };
    const disk = new MemoryDisk();
    const life = await live(disk);
    await life.storage.writeEpoch(4);
    life.storage.append(letters(4 * 2 ** 32 + 1, [10, 10]));
    await life.durable(4 * 2 ** 32 + 2);
    await life.storage.close();
    disk.take("/data/epoch");
    const log = disk.contents("/data/log.400000001");
    log[140] = 0xff;
    disk.put("/data/log.400000001", log.fill(0, 150));
    const storage = await Storage.open({ disk, directory, logger, random: lifeRandom, limits: smallLimits });
    expect(storage.currentEpoch).toBe(4);
    expect(warnings).toMatchInlineSnapshot(`
      [
        "the log ends in a write that was cut short and, as far as the file tells, never acknowledged (the record there breaks off in its header): cutting it off",
        "the file with the epoch is missing: taking the epoch of the last log record, which is the highest in use",
      ]
    `);
  });
});
