import { silentLogger } from "@corral/io";
import { MemoryDisk } from "@corral/testing";
import { decode, encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { picture } from "../test-support/state-driver.ts";
import { directory, lifeRandom } from "../test-support/storage-life.ts";
import { TreeLife } from "../test-support/tree-life.ts";
import { verifyDirectory } from "./inspection.ts";
import { otherDigests, Recovering } from "./recover.ts";
import { planRepair } from "./repair/plan.ts";
import { reportRepair } from "./repair/report.ts";
import { startServer } from "./server.ts";
import { digestVersion } from "./state/tree-digest.ts";
import type { LogRecord } from "./storage/record.ts";
import { Storage } from "./storage/storage.ts";
import { StorageError } from "./storage/storage-error.ts";

/** The same record, with other data in the request to set `b`. */
function settingC({ zxid, bytes }: LogRecord): LogRecord {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf(Buffer.from("0000000162ffffffff", "hex"));
  expect(at).toBeGreaterThan(0);
  copy.write("c", at + 4);
  return { zxid, bytes: copy };
}

/** The same record, with another timeout in the request for a session. */
function withOtherTimeout({ zxid, bytes }: LogRecord): LogRecord {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf(Buffer.from("0000138800000010", "hex"));
  expect(at).toBeGreaterThan(0);
  copy.writeInt32BE(5_001, at);
  return { zxid, bytes: copy };
}

/** The same record with a digest that nothing here has, as a version wrote it that computed them otherwise. */
function withDigestOf(version: number, { zxid, bytes }: LogRecord): LogRecord {
  const fields = decode(bytes, { useBigInt64: true });
  if (!Array.isArray(fields)) throw new Error("an entry is an array");
  const witness = [version, zxid - 1, 1, 2];
  return { zxid, bytes: encode([...fields.slice(0, 9), false, witness], { useBigInt64: true }) };
}

/** The same record as it was written before there were digests. */
function withoutWitness({ zxid, bytes }: LogRecord): LogRecord {
  const fields = decode(bytes, { useBigInt64: true });
  if (!Array.isArray(fields)) throw new Error("an entry is an array");
  return { zxid, bytes: encode(fields.slice(0, 9), { useBigInt64: true }) };
}

describe("a recovery", () => {
  it("gives the tree back, from a snapshot and the log after it", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    for (const name of ["a", "b", "c"]) life.create(`/${name}`, Buffer.from(name));
    await life.applied();
    await life.snapshot();
    life.set("/a", Buffer.from("again"));
    life.delete("/b");
    await life.applied();
    life.create("/a/d");
    await life.applied();
    const next = await TreeLife.open(disk.kill());
    expect(picture(next.state)).toEqual(picture(life.state));
    expect(next.state.tree.digest).toEqual(life.state.tree.digest);
  });

  it("counts what the log has behind the snapshot", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    life.create("/a", Buffer.from("before"));
    await life.applied();
    await life.snapshot();
    life.create("/b", Buffer.alloc(1_000));
    life.delete("/a");
    await life.applied();
    const storage = await Storage.open({ disk: disk.kill(), directory, logger: silentLogger, random: lifeRandom });
    const recovering = new Recovering(storage);
    await storage.replay(recovering);
    expect(recovering.entryCount).toBe(2);
    expect(storage.replayedLogBytes).toBeGreaterThan(1_000);
    expect(storage.replayedLogBytes).toBeLessThan(2_000);
  });

  it("is refused when the log was written for another tree", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    life.create("/a", Buffer.from("a"));
    await life.applied();
    // As if this program applied the next entry otherwise than the one that wrote the log: it logs more than it does.
    life.onRecords = (records) => records.map(settingC);
    life.set("/a", Buffer.from("b"));
    await life.applied();
    life.onRecords = (records) => records;
    life.create("/d");
    await life.applied();
    const refused = TreeLife.open(disk.kill());
    await expect(refused).rejects.toThrow(StorageError);
    await expect(refused).rejects.toThrow(
      /^The log \/data\/log\.100000001 leads to another state .* entry 0x100000004 .* after 0x100000003 had the digest [0-9a-f]{16}, but it is [0-9a-f]{16} here/,
    );
  });

  it("is refused when the log leads to other sessions", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    life.onRecords = (records) => records.map(withOtherTimeout);
    await life.begin();
    life.onRecords = (records) => records;
    life.create("/a");
    await life.applied();
    await expect(TreeLife.open(disk.kill())).rejects.toThrow(
      /leads to another state .* entry 0x100000002 .* after 0x100000001/,
    );
  });

  it.each([1, 2, digestVersion])("compares digests of its own version alone: %i", async (version) => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    life.create("/a");
    await life.applied();
    life.onRecords = (records) => records.map((record) => withDigestOf(version, record));
    life.create("/b");
    await life.applied();
    const left = disk.kill();
    const { start } = await verifyDirectory(left, directory);
    const next = TreeLife.open(left);
    if (version === digestVersion) {
      expect(start.kind).toBe("refused");
      await expect(next).rejects.toThrow("leads to another state");
    } else {
      expect(start).toMatchObject({ kind: "possible", hasOtherDigests: true });
      const plan = await planRepair(left, directory);
      expect(plan).toMatchObject({ steps: [], losses: [], kept: { hasOtherDigests: true } });
      expect(reportRepair(directory, plan)).toContain(`BUT ${otherDigests}`);
      expect(picture((await next).state)).toEqual(picture(life.state));
      const warned: string[] = [];
      const logger = { ...silentLogger, warn: (_fields: unknown, message: string) => void warned.push(message) };
      const server = await startServer({ disk: left.kill(), dataDir: directory, logger });
      await server.close();
      expect(warned).toContain(otherDigests);
    }
  });

  it("is refused when a record is whole, but no entry", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    life.onRecords = (records) => records.map(({ zxid }) => ({ zxid, bytes: Buffer.from("nonsense") }));
    life.create("/a");
    await life.applied();
    await expect(TreeLife.open(disk.kill())).rejects.toThrow(
      "The file /data/log.100000001 cannot be understood: the entry 0x100000002: something else in the place of a list",
    );
  });

  it("reads logs and snapshots of before there were digests", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    life.onRecords = (records) => records.map(withoutWitness);
    life.create("/a");
    await life.applied();
    life.create("/b");
    await life.applied();
    const next = await TreeLife.open(disk.kill());
    expect(picture(next.state)).toEqual(picture(life.state));
  });
});
