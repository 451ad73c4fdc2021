/**
 * Damage of every kind, and a repair. What is left then is a state that the server has had, the one that the plan
 * has named, and the whole of it where the plan names no loss; everything that was changed lies aside as it was; or it is
 * refused, and nothing has changed. CORRAL_FLIPS=all tries every byte, otherwise it is one in seven.
 */
import { crc32, nodeEnvironment } from "@corral/io";
import { CreateMode } from "@corral/protocol";
import { diskError, MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { allTurns, HeldSyncs } from "../../test-support/held-syncs.ts";
import { repairCutShort } from "../../test-support/repair-cut-short.ts";
import { asText, filesOf, repaired, spoil, type Written } from "../../test-support/repaired.ts";
import { copyOf, directory, resize } from "../../test-support/storage-life.ts";
import { TreeLife, withOtherData } from "../../test-support/tree-life.ts";
import { verifyDirectory } from "../inspection.ts";
import { scanRecords } from "../storage/segment.ts";
import { withFile } from "../storage/whole-file.ts";
import { performRepair } from "./perform.ts";
import { planRepair, type RepairPlan } from "./plan.ts";
import { survey } from "./survey.ts";

const limits = { retainedSnapshots: 3, segmentBytes: 900, preallocateBytes: 512, batchBytes: 2_000 };

/** Two snapshots, logs before, between and after them, and all acknowledged. */
async function written(): Promise<Written> {
  const disk = new MemoryDisk();
  const life = await TreeLife.open(disk, limits);
  const history = new Map<number, string>([[0, asText(life)]]);
  const applied = async () => {
    await life.applied();
    history.set(life.state.lastZxid, asText(life));
  };
  await life.begin();
  await applied();
  for (const name of ["a", "b", "c"]) {
    life.create(`/${name}`, Buffer.from(`of ${name}`));
    await applied();
  }
  await life.snapshot();
  life.create("/a/e", null, CreateMode.ephemeralSequential);
  await applied();
  life.set("/b", Buffer.from("again"));
  await applied();
  await life.snapshot();
  life.delete("/c");
  await applied();
  life.set("/a", Buffer.alloc(700, "x"));
  await applied();
  life.create("/d", Buffer.from("last"));
  await applied();
  return { disk: disk.kill(), history, lastZxid: life.state.lastZxid };
}

const original = await written();
const paths = original.disk.paths();
const step = nodeEnvironment.get("CORRAL_FLIPS") === "all" ? 1 : 7;
const faults = [(byte: number) => byte ^ 1, () => 0, (byte: number) => byte ^ 0x80, () => 0xff];

const logs = paths.filter((path) => path.includes("/log."));
const snapshots = paths.filter((path) => path.includes("/snapshot."));
/** Those that hold what no snapshot does; the first of them has the long record. */
const neededLogs = logs.slice(-2);
const longLog = neededLogs[0] ?? "";
const inLongRecord = original.disk.contents(longLog).indexOf(Buffer.alloc(20, "x"));

describe("after a repair", () => {
  it.each(paths)("of a bad byte in %s the directory is sound, and holds what was said", async (path) => {
    const bytes = original.disk.contents(path);
    for (let at = 0; at < bytes.length; at += step) {
      const changed = Buffer.from(bytes);
      changed[at] = (faults[(at / step) % faults.length] as (typeof faults)[number])(bytes[at] as number);
      if (changed.equals(bytes)) continue;
      const plan = await repaired(
        original,
        copyOf(original.disk, (copy) => copy.put(path, changed)),
      );
      expect(plan, `byte ${at}`).toBeDefined();
      if (!neededLogs.includes(path)) expect(plan?.kept.zxid).toBe(original.lastZxid);
    }
  });

  it.each(paths)("of a missing %s it is so too, or it is refused", async (path) => {
    const plan = await repaired(
      original,
      copyOf(original.disk, (copy) => copy.take(path)),
    );
    expect(plan).toBeDefined();
  });

  it.each(paths)("of %s cut short anywhere it is so too", async (path) => {
    const { length } = original.disk.contents(path);
    for (let at = 0; at < length; at += 7 * step) {
      const plan = await repaired(
        original,
        copyOf(original.disk, (copy) => resize(copy, path, at)),
      );
      expect(plan, `byte ${at}`).toBeDefined();
    }
  });
});

describe("where the newest snapshot stands within the last log, and that cannot be read so far,", () => {
  const log = `${directory}/log.100000001`;
  const snapshotZxid = 2 ** 32 + 4;

  /** `underWay`: entries that are when the snapshot is begun; `hasNext`: one more comes, which goes to the next log. */
  async function writtenAsOne({ underWay = ["d", "e"], hasNext = false } = {}) {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    const history = new Map<number, string>();
    const applied = async () => {
      await life.applied();
      history.set(life.state.lastZxid, asText(life));
    };
    await life.begin();
    for (const name of ["a", "b", "c"]) life.create(`/${name}`);
    await applied();
    for (const name of underWay) life.create(`/${name}`);
    await life.snapshot();
    if (hasNext) life.create("/next");
    await applied();
    const whole: Written = { disk: disk.kill(), history, lastZxid: life.state.lastZxid };
    const [segment] = (await survey(whole.disk, directory, 1 << 20)).segments;
    if (segment === undefined) throw new Error("there is no log");
    const ends = [0];
    await withFile(whole.disk, log, (file) => scanRecords({ ...segment, file }, (_, __, end) => ends.push(end)));
    return { whole, end: (record: number) => ends[record] as number };
  }

  it.each<[string, (copy: MemoryDisk, bytes: Buffer, end: (record: number) => number) => void, RegExp]>([
    [
      "its header and its first entry are lost",
      (copy, bytes, end) => copy.put(log, bytes.fill(0xff, 0, end(1))),
      / anything did: \d+ bytes from byte 0 on: it does not start as a log of Corral$/,
    ],
    [
      "there is nonsense from an entry on",
      (copy, bytes, end) => copy.put(log, bytes.fill(0xff, end(2))),
      / anything did: \d+ bytes from byte \d+ on: /,
    ],
    [
      "there is nothing from an entry on",
      (copy, bytes, end) => copy.put(log, bytes.fill(0, end(2))),
      / anything did: it ends with 0x100000002$/,
    ],
    [
      "it is cut short",
      (copy, _, end) => resize(copy, log, end(2)),
      / anything did: it is \d+ bytes shorter than it has been$/,
    ],
    ["it is missing", (copy) => copy.take(log), /, if anything did$/],
    [
      "it is zeros, and nothing says how far the log had come",
      (copy, bytes) => {
        copy.put(log, bytes.fill(0));
        copy.take(`${directory}/epoch`);
      },
      / anything did: 0 bytes from byte 0 on: its header is not complete$/,
    ],
  ])("it is told that there may have been more: %s", async (_, change, what) => {
    const { whole, end } = await writtenAsOne();
    const disk = copyOf(whole.disk, (copy) => change(copy, copy.contents(log), end));
    const { files, start } = await verifyDirectory(disk, directory);
    expect(start).toMatchObject({ kind: "refused" });
    expect(files.filter(({ content }) => content.includes("was being made"))).toEqual([]);
    const plan = await repaired(whole, disk);
    expect(plan).toMatchObject({ kept: { zxid: snapshotZxid }, lostUpToZxid: undefined });
    expect(plan?.losses).toEqual([{ file: "log.100000001", entries: 0, what: expect.stringMatching(what) }]);
    expect(plan?.losses[0]?.what).toContain("what stood behind 0x100000004, if anything did");
  });

  it("what can be read behind is counted from the snapshot on", async () => {
    const { whole, end } = await writtenAsOne();
    const plan = await repaired(
      whole,
      copyOf(whole.disk, (copy) => spoil(copy, log, end(2) + 20)),
    );
    expect(plan).toMatchObject({ kept: { zxid: snapshotZxid }, lostUpToZxid: snapshotZxid + 2 });
    expect(plan?.losses).toEqual([
      {
        file: "log.100000001",
        entries: 2,
        what: expect.stringMatching(/: all after 0x100000004: .* behind that 3 entries/),
      },
    ]);
  });

  it("so is it of one that is not the last, and what follows is lost too", async () => {
    const { whole, end } = await writtenAsOne({ hasNext: true });
    const disk = copyOf(whole.disk, (copy) => copy.put(log, copy.contents(log).fill(0xff, 0, end(1))));
    const plan = await repaired(whole, disk);
    expect(plan?.losses.map(({ what }) => what)).toEqual([
      expect.stringMatching(/^log.100000001: what stood behind 0x100000004, if anything did: /),
      "log.100000007, all of it: 1 entry, 0x100000007",
    ]);
  });

  it("nothing is told of one that ended before the log that `epoch` names, and that is missing", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk, { retainedSnapshots: 3 });
    const history = new Map<number, string>();
    await life.begin();
    await life.snapshot();
    for (const name of ["b", "c"]) {
      life.create(`/${name}`);
      await life.applied();
    }
    await life.snapshot();
    history.set(life.state.lastZxid, asText(life));
    const { lastZxid } = life.state;
    expect(disk.paths().filter((path) => path.includes("/log."))).toEqual([log, `${directory}/log.100000002`]);
    const missing = copyOf(disk.kill(), (copy) => copy.take(`${directory}/log.100000002`));
    const plan = await repaired({ disk, history, lastZxid }, missing);
    expect(plan?.losses.map(({ file }) => file)).toEqual(["log.100000002"]);
  });

  it("nothing is told where the next log says that there was no more", async () => {
    const { whole, end } = await writtenAsOne({ underWay: [], hasNext: true });
    const disk = copyOf(whole.disk, (copy) => copy.put(log, copy.contents(log).fill(0xff, 0, end(1))));
    expect(await repaired(whole, disk)).toMatchObject({ losses: [], kept: { zxid: whole.lastZxid } });
  });
});

/** The directory with something done to it, and what a repair makes of it. */
async function after(change: (copy: MemoryDisk) => void): Promise<RepairPlan | undefined> {
  return repaired(original, copyOf(original.disk, change));
}

describe("a repair", () => {
  it("finds nothing to do where nothing is wrong", async () => {
    expect(await after(() => {})).toMatchObject({ steps: [], losses: [], kept: { zxid: original.lastZxid } });
  });

  it("says which entries go with a bad one, and where the log is cut", async () => {
    const plan = await after((copy) => spoil(copy, longLog, inLongRecord));
    const kept = original.lastZxid - 2;
    expect(plan).toMatchObject({ kept: { zxid: kept }, lostUpToZxid: original.lastZxid });
    expect(plan?.losses.map(({ what }) => what)).toEqual([
      expect.stringMatching(
        /^log\.100000007: all after 0x100000007, \d+ bytes from byte \d+ on: the record there is complete, but its checksum is wrong$/,
      ),
      "log.100000009, all of it: 1 entry, 0x100000009",
    ]);
  });

  it("loses nothing when a snapshot is bad and the log reaches", async () => {
    const plan = await after((copy) => spoil(copy, snapshots.at(-1) ?? "", 100));
    expect(plan).toMatchObject({ losses: [], kept: { zxid: original.lastZxid } });
    expect(plan?.steps.map(({ kind }) => kind)).toEqual(["move"]);
  });

  it("goes on from the newest snapshot alone when the log before and after it is bad", async () => {
    const plan = await after((copy) => {
      for (const path of logs) spoil(copy, path, 80);
    });
    expect(plan).toMatchObject({ kept: { zxid: Number.parseInt(snapshots.at(-1)?.split(".")[1] ?? "", 16) } });
  });

  it("takes away what was never finished, and logs without an entry", async () => {
    const plan = await after((copy) => {
      copy.put(`${directory}/epoch.tmp`, Buffer.from("half"));
      copy.put(`${directory}/log.10000000b`, Buffer.alloc(40));
    });
    expect(plan).toMatchObject({ losses: [], kept: { zxid: original.lastZxid } });
    expect(plan?.steps.map(({ name }) => name)).toEqual(["epoch.tmp", "log.10000000b"]);
  });

  it("is refused when nothing is left to begin with", async () => {
    const disk = copyOf(original.disk, (copy) => {
      for (const path of snapshots) spoil(copy, path, 40);
      copy.take(logs[0] ?? "");
    });
    await expect(planRepair(disk, directory)).rejects.toThrow(/^Nothing in \/data can be saved: .*no whole snapshot/);
  });

  it.each([
    ["segment", longLog, 60],
    ["snapshot", snapshots[0] ?? "", 32],
  ])("is refused when a %s is of a newer version", async (_, path, headerBytes) => {
    const bytes = original.disk.contents(path);
    bytes.writeUInt32BE(9, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(16, headerBytes), crc32(bytes.subarray(0, 12))), 12);
    const disk = copyOf(original.disk, (copy) => copy.put(path, bytes));
    await expect(planRepair(disk, directory)).rejects.toThrow(/^Nothing is wrong with \/data\/.* version 9, /);
  });

  it("is refused when the epoch file is of a newer version", async () => {
    const lines = "corral-epoch 2\nepoch 1\nsomething new\n";
    const bytes = Buffer.from(`${lines}crc32 ${crc32(Buffer.from(lines)).toString(16).padStart(8, "0")}\n`);
    const disk = copyOf(original.disk, (copy) => copy.put(`${directory}/epoch`, bytes));
    await expect(planRepair(disk, directory)).rejects.toThrow(
      /^Nothing is wrong with the file \/data\/epoch.* version 2, /,
    );
  });

  it("is refused when entries mean nothing here", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk, limits);
    await life.begin();
    life.onRecords = (records) => records.map(({ zxid }) => ({ zxid, bytes: Buffer.from("nonsense") }));
    life.create("/a");
    await life.applied();
    await expect(planRepair(disk.kill(), directory)).rejects.toThrow("Start the version that wrote it");
  });

  it.each([
    ["", limits],
    [
      ", also behind two batches that were under way",
      { ...limits, segmentBytes: 64 << 10, preallocateBytes: 32 << 10 },
    ],
  ])("follows a log that contradicts itself as far as it agreed%s", async (_, limits) => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk, limits);
    const syncs = new HeldSyncs(disk);
    const history = new Map<number, string>();
    const applied = async () => {
      await life.applied();
      history.set(life.state.lastZxid, asText(life));
    };
    await life.begin();
    life.create("/a");
    await applied();
    syncs.hold();
    for (const name of ["b", "c"]) {
      life.create(`/${name}`);
      await allTurns();
    }
    syncs.releaseAll();
    await applied();
    life.onRecords = withOtherData;
    life.set("/a", Buffer.from("b"));
    await applied();
    life.onRecords = (records) => records;
    life.create("/d");
    await applied();
    const plan = await repaired({ disk, history, lastZxid: life.state.lastZxid }, disk.kill());
    expect(plan).toMatchObject({ kept: { zxid: 2 ** 32 + 4 }, lostUpToZxid: 2 ** 32 + 6 });
    expect(plan?.losses[0]?.what).toContain("leads to another state");
  });

  it("changes nothing where the copies have no room, says so, and needs no more room the next time", async () => {
    const disk = copyOf(original.disk, (copy) => spoil(copy, longLog, inLongRecord));
    const plan = await planRepair(disk, directory);
    const before = filesOf(disk);
    disk.capacityBytes = [...before.values()].reduce((sum, { length }) => sum + length, 100);
    await expect(performRepair(disk, directory, plan)).rejects.toThrow(
      /^Nothing has been changed: the files as they are could not be put aside \(.*ENOSPC.*\). They need \d+ bytes/,
    );
    expect(filesOf(disk)).toEqual(before);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    expect(await performRepair(disk, directory, plan)).toBe("set-aside-1");
  });

  it("changes a log in place: its owner stays, no more room is taken, and a hard link of it changes too", async () => {
    const disk = copyOf(original.disk, (copy) => spoil(copy, longLog, inLongRecord));
    disk.link(longLog, "/backup/log");
    const before = disk.contents(longLog);
    const aside = await performRepair(disk, directory, await planRepair(disk, directory));
    expect(disk.contents("/backup/log")).toEqual(disk.contents(longLog));
    expect(disk.contents(`${directory}/${aside}/${longLog.slice(directory.length + 1)}`)).toEqual(before);
  });

  it("does not speak of room where something else is in the way", async () => {
    const disk = copyOf(original.disk, (copy) => spoil(copy, longLog, inLongRecord));
    const plan = await planRepair(disk, directory);
    disk.onOperation = ({ kind, path }) => {
      if (path.includes("set-aside")) throw diskError("EACCES", kind, path);
    };
    await expect(performRepair(disk, directory, plan)).rejects.toThrow(
      /^Nothing has been changed: .*EACCES.*\)\. See to what is in the way, and run the repair again\. What is in/,
    );
  });

  it("says where the files are as they were if it is cut short", async () => {
    const disk = copyOf(original.disk, (copy) => spoil(copy, longLog, inLongRecord));
    const plan = await planRepair(disk, directory);
    disk.onOperation = ({ kind, path }) => {
      if (kind === "truncate" && path === longLog) throw diskError("EIO", kind, path);
    };
    await expect(performRepair(disk, directory, plan)).rejects.toThrow(
      /^The repair is not done \(.*EIO.*\)\. The files as they were are in \/data\/set-aside-1\. /,
    );
  });

  it("can be cut short anywhere, and done again", async () => {
    const damaged = copyOf(original.disk, (copy) => {
      spoil(copy, longLog, inLongRecord);
      copy.put(`${directory}/epoch.tmp`, Buffer.from("half"));
    });
    const plan = await planRepair(damaged, directory);
    for (let operations = 1; ; operations++) {
      const again = await repairCutShort(copyOf(damaged), plan, operations);
      if (again === undefined) break;
      // What has been given up by then is no loss of the second repair.
      const { zxid } = plan.kept;
      expect(await repaired({ ...original, lastZxid: zxid }, again)).toMatchObject({ kept: { zxid } });
    }
  });
});
