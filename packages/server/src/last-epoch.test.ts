/** What a start, a verification and a repair make of a directory that has come to the last epoch. */
import { MemoryDisk } from "@corral/testing";
import { expect, test } from "vitest";
import { directory } from "../test-support/storage-life.ts";
import { TreeLife } from "../test-support/tree-life.ts";
import { verifyDirectory } from "./inspection.ts";
import { performRepair } from "./repair/perform.ts";
import { planRepair } from "./repair/plan.ts";
import { reportRepair } from "./repair/report.ts";
import { decodeEpochFile, encodeEpochFile } from "./storage/epoch-file.ts";
import { lastEpoch } from "./storage/epochs.ts";

const epochPath = `${directory}/epoch`;

/** A life in the epoch after that one, in which something was written. */
async function writtenAfter(epoch: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  disk.put(epochPath, encodeEpochFile({ epoch, lastZxid: 0, newestLogZxid: 0 }));
  const life = await TreeLife.open(disk);
  await life.begin();
  life.create("/a", null);
  await life.applied();
  await life.storage.close();
  return disk;
}

/** Has the file name another epoch. */
function putEpoch(disk: MemoryDisk, epoch: number): void {
  const content = decodeEpochFile(disk.contents(epochPath));
  if (content === undefined) throw new Error("there is no epoch file");
  disk.put(epochPath, encodeEpochFile({ ...content, epoch }));
}

const startOf = async (disk: MemoryDisk) => (await verifyDirectory(disk, directory)).start;

test("the last epoch without an entry: refused, nothing is written, and without the file all is well", async () => {
  const disk = await writtenAfter(0);
  putEpoch(disk, lastEpoch);
  const before = disk.paths().map((path) => [path, disk.contents(path)]);
  const why = /^The file \/data\/epoch says epoch 2097151, .* in an epoch after 1, .*: remove that file/;
  expect(await startOf(disk)).toEqual({ kind: "refused", why: expect.stringMatching(why) });
  await expect(TreeLife.open(disk)).rejects.toThrow(why);
  expect(disk.paths().map((path) => [path, disk.contents(path)])).toEqual(before);
  await disk.remove(epochPath);
  expect(await startOf(disk)).toMatchObject({ epoch: 1, takesWrites: true });
});

test("the last epoch without an entry: a repair takes it back", async () => {
  const disk = await writtenAfter(0);
  putEpoch(disk, lastEpoch);
  const plan = await planRepair(disk, directory);
  expect(plan.losses).toEqual([]);
  const why = "it says epoch 2097151, but nothing was written in any after 1";
  expect(plan.steps).toMatchObject([{ kind: "epoch", name: "epoch", content: { epoch: 1 }, why }]);
  await performRepair(disk, directory, plan);
  expect(await startOf(disk)).toMatchObject({ epoch: 1, takesWrites: true });
  expect((await planRepair(disk, directory)).steps).toEqual([]);
});

test("the last epoch with entries: a start takes no writes, and everybody says so", async () => {
  const disk = await writtenAfter(lastEpoch - 1);
  expect(await startOf(disk)).toMatchObject({ kind: "possible", epoch: lastEpoch, takesWrites: false });
  const plan = await planRepair(disk, directory);
  expect(plan.steps).toEqual([]);
  expect(reportRepair(directory, plan).at(-1)).toContain("BUT there is no epoch after 2097151");
});

test("epochs after the last, which other versions wrote down: told of, and mended", async () => {
  const disk = await writtenAfter(lastEpoch - 1);
  putEpoch(disk, lastEpoch + 2);
  const { files, start } = await verifyDirectory(disk, directory);
  expect(files.at(-1)?.problem).toBe("the last epoch is 2097151");
  expect(start).toMatchObject({ epoch: lastEpoch + 2, takesWrites: false });
  const plan = await planRepair(disk, directory);
  expect(plan.steps).toMatchObject([{ kind: "epoch", content: { epoch: lastEpoch } }]);
  await performRepair(disk, directory, plan);
  expect((await verifyDirectory(disk, directory)).files.every(({ problem }) => problem === undefined)).toBe(true);
});

test("few epochs left, and a damaged epoch file: a repair skips as many as it can, and one is left for a start", async () => {
  const disk = await writtenAfter(lastEpoch - 10);
  disk.put(epochPath, Buffer.from("damaged"));
  const plan = await planRepair(disk, directory);
  expect(plan).toMatchObject({ losses: [], steps: [{ kind: "epoch", content: { epoch: lastEpoch - 1 } }] });
  await performRepair(disk, directory, plan);
  expect(await startOf(disk)).toMatchObject({ kind: "possible", epoch: lastEpoch - 1, takesWrites: true });
});
