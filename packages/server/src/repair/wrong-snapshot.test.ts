/**
 * Snapshots whose checksums are right and whose state is not: a start, `verify` and `dump` say what is wrong with each, and a
 * repair takes what is sound, or else what the header's digest vouches for, or else, loudly, what there is.
 */
import { MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { repairCutShort } from "../../test-support/repair-cut-short.ts";
import { picture } from "../../test-support/state-driver.ts";
import { copyOf, directory } from "../../test-support/storage-life.ts";
import { TreeLife } from "../../test-support/tree-life.ts";
import { changeNodes, rowField, withCopyOf } from "../../test-support/wrong-snapshot.ts";
import { dumpDirectory } from "../directory-dump.ts";
import { verifyDirectory } from "../inspection.ts";
import { performRepair } from "./perform.ts";
import { planRepair, type RepairPlan } from "./plan.ts";
import { reportRepair } from "./report.ts";

const first = `${directory}/snapshot.100000004`;
const second = `${directory}/snapshot.100000006`;
const limits = { retainedSnapshots: 2, segmentBytes: 1_000, preallocateBytes: 512, batchBytes: 2_000 };

/** Two snapshots, and a log that goes back to before the first of them. */
async function written(): Promise<{ disk: MemoryDisk; last: unknown }> {
  const disk = new MemoryDisk();
  const life = await TreeLife.open(disk, limits);
  await life.begin();
  for (const name of ["a", "a/b", "c"]) life.create(`/${name}`, Buffer.from(name));
  await life.applied();
  await life.snapshot();
  life.set("/a", Buffer.from("newer"));
  await life.applied();
  life.create("/d", Buffer.from("d"));
  await life.applied();
  await life.snapshot();
  life.set("/c", Buffer.from("last"));
  await life.applied();
  return { disk: disk.kill(), last: picture(life.state) };
}

const original = await written();

/** As it was before it changed, beside how it is. */
const staleTwin = withCopyOf("/a", (row) => {
  row[rowField.data] = Buffer.from("a");
  row[rowField.mzxid] = 2 ** 32 + 2;
});

/** Only the newest snapshot is left, and the log after it. */
function withoutHistory(disk: MemoryDisk): MemoryDisk {
  return copyOf(disk, (copy) => {
    copy.take(first);
    for (const path of copy.paths()) {
      if (/log\.10000000[1-6]$/.test(path)) copy.take(path);
    }
  });
}

/** What a server finds after the repair. */
async function repaired(disk: MemoryDisk): Promise<{ plan: RepairPlan; report: string; state: unknown }> {
  const plan = await planRepair(disk, directory);
  const report = reportRepair(directory, plan).join("\n");
  await performRepair(disk, directory, plan);
  const { files, start } = await verifyDirectory(disk, directory);
  expect(files.filter(({ problem }) => problem !== undefined)).toEqual([]);
  expect(start).toMatchObject({ kind: "possible", ...plan.kept });
  expect((await planRepair(disk, directory)).steps).toEqual([]);
  const life = await TreeLife.open(disk, limits);
  const state = picture(life.state);
  await life.storage.close();
  return { plan, report, state };
}

async function dumped(disk: MemoryDisk): Promise<{ lines: unknown[]; warnings: string[]; error: string }> {
  const lines: unknown[] = [];
  const warnings: string[] = [];
  const sink = {
    onLine: (line: unknown) => void lines.push(line),
    onWarning: (warning: string) => void warnings.push(warning),
  };
  const range = { fromZxid: 0, toZxid: Number.MAX_SAFE_INTEGER };
  const error = await dumpDirectory(disk, directory, range, sink).then(
    () => "none",
    (reason: unknown) => (reason as Error).message,
  );
  return { lines, warnings, error };
}

/** The newest snapshot has a node's data of another moment. */
async function withOtherDigest(disk: MemoryDisk): Promise<MemoryDisk> {
  const copy = copyOf(disk);
  await changeNodes(copy, second, (rows) =>
    rows.map((row) => (row[rowField.path] === "/c" ? row.with(rowField.data, Buffer.from("other")) : row)),
  );
  return copy;
}

describe("a snapshot that holds a wrong state", () => {
  it("keeps a start from being, which names the way out", async () => {
    const disk = await withOtherDigest(original.disk);
    await expect(TreeLife.open(disk, limits)).rejects.toThrow(
      /^The snapshot \/data\/snapshot\.100000006 is not damaged, but holds a wrong state: its nodes and sessions have the digest .* See with corral-server verify .* corral-server repair .* backup\.$/,
    );
  });

  it("is told from the others by verify, also if it is not the newest", async () => {
    const disk = copyOf(original.disk);
    await changeNodes(disk, first, (rows) => rows.filter((row) => row[rowField.path] !== "/a"));
    const { files, start } = await verifyDirectory(disk, directory);
    expect(files.slice(0, 2).map(({ name, problem }) => [name, problem])).toEqual([
      ["snapshot.100000004", "its nodes are no tree: /a/b is there, but not all that is above it"],
      ["snapshot.100000006", undefined],
    ]);
    expect(start.kind).toBe("possible");
  });

  it("is put aside by a repair where the log goes back to a sound one, for what it is", async () => {
    const { plan, state } = await repaired(await withOtherDigest(original.disk));
    expect(plan.losses).toEqual([]);
    expect(plan.steps).toEqual([
      {
        kind: "move",
        name: "snapshot.100000006",
        why: expect.stringMatching(
          /^it holds a wrong state: its nodes and sessions have the digest .*; its header says/,
        ),
      },
    ]);
    expect(state).toEqual(original.last);
  });

  it("is dumped as the repair would have it", async () => {
    const { lines, error } = await dumped(await withOtherDigest(original.disk));
    expect(error).toContain("snapshot.100000006 is not damaged, but holds a wrong state");
    expect(lines[0]).toMatchObject({ kind: "snapshot", zxid: "0x100000004" });
    expect(lines.at(-1)).toMatchObject({ kind: "entry", zxid: "0x100000007" });
  });
});

describe("the only snapshot, with a node twice", () => {
  it("is written anew with the newer of the two, and the digest says that nothing is lost", async () => {
    const disk = withoutHistory(original.disk);
    await changeNodes(disk, second, staleTwin);
    const { lines, warnings, error } = await dumped(disk);
    expect(error).toContain("/a is there twice, with mzxid 0x100000005 and 0x100000002");
    expect(warnings).toEqual([
      expect.stringMatching(
        /snapshot\.100000006 holds a wrong state\. \/a is there twice, .*: that with 0x100000005 is taken; with that/,
      ),
    ]);
    expect(lines).toContainEqual(expect.objectContaining({ kind: "node", path: "/a", data: "newer" }));
    expect(lines.at(-1)).toMatchObject({ kind: "entry", zxid: "0x100000007" });
    const { plan, report, state } = await repaired(disk);
    expect(plan.losses).toEqual([]);
    expect(report).toMatch(
      /TO DO snapshot\.100000006: .* anew \(\/a is there twice, .*: that with 0x100000005 is taken; with that its digest is the one in its header\)$/,
    );
    expect(state).toEqual(original.last);
  });

  it("is so too where the later one comes first or last, or differs in its children alone", async () => {
    for (const field of [rowField.mzxid, rowField.pzxid]) {
      for (const isFirst of [true, false]) {
        const disk = withoutHistory(original.disk);
        await changeNodes(disk, second, (rows) => {
          const twins = withCopyOf("/a/b", (row) => {
            row[field] = 2 ** 32 + 1;
          })(rows);
          const at = twins.length - 1;
          const old = twins[at] ?? [];
          return isFirst ? [...twins.slice(0, 1), old, ...twins.slice(1, at)] : twins;
        });
        const { plan, state } = await repaired(disk);
        expect(plan.losses).toEqual([]);
        expect(state).toEqual(original.last);
      }
    }
  });

  it("is not needed where another is sound", async () => {
    const disk = copyOf(original.disk);
    await changeNodes(disk, second, staleTwin);
    const { plan, state } = await repaired(disk);
    expect(plan.steps.map(({ kind }) => kind)).toEqual(["move"]);
    expect(state).toEqual(original.last);
  });
});

describe("the only snapshot, of which no digest says how it should be", () => {
  it("is taken without what has no parent, and the loss is told", async () => {
    const disk = withoutHistory(original.disk);
    await changeNodes(disk, second, (rows) => rows.filter((row) => row[rowField.path] !== "/a"));
    const { warnings } = await dumped(disk);
    expect(warnings).toEqual([expect.stringContaining("not quite what the server had")]);
    const { plan, report, state } = await repaired(disk);
    expect(plan.kept.zxid).toBe(2 ** 32 + 6);
    expect(report).toMatch(
      /^LOST snapshot\.100000006 holds a wrong state: its nodes are no tree: \/a\/b is there, but not all that is above it; how it should have been is not known/,
    );
    expect(report).toContain("LOST log.100000007, all of it: 1 entry");
    expect(report).toContain("BUT that state is not one that the server has had");
    const paths = JSON.stringify(state, (_, value) => (typeof value === "bigint" ? String(value) : value));
    expect(paths).toContain('"/d"');
    expect(paths).not.toContain('"/a');
  });

  it("is taken as it is where only its digest is another, and can be cut short anywhere", async () => {
    const damaged = await withOtherDigest(withoutHistory(original.disk));
    const plan = await planRepair(damaged, directory);
    for (let operations = 1; ; operations++) {
      const again = await repairCutShort(copyOf(damaged), plan, operations);
      if (again === undefined) break;
      await performRepair(again, directory, await planRepair(again, directory));
      const { zxid, digest } = plan.kept;
      expect((await verifyDirectory(again, directory)).start).toMatchObject({ kind: "possible", zxid, digest });
    }
  });

  it("is given up where there is no root", async () => {
    const disk = withoutHistory(original.disk);
    await changeNodes(disk, second, (rows) => rows.slice(1).map((row) => row.with(rowField.acl, [])));
    await expect(planRepair(disk, directory)).rejects.toThrow(
      /^Nothing in \/data can be saved: .*snapshot\.100000006 holds a wrong state/,
    );
    expect(await dumped(disk)).toMatchObject({ lines: [], error: expect.stringContaining("holds a wrong state") });
  });
});
