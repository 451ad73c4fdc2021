/**
 * Logs with a snapshot that was restored and is no state that a server has: earlier versions took such snapshots in. A start and
 * `verify` say where it stands and what is wrong with it, and a repair goes back to before it.
 */
import { MemoryDisk } from "@corral/testing";
import { encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { picture } from "../../test-support/state-driver.ts";
import { copyOf, directory } from "../../test-support/storage-life.ts";
import { TreeLife } from "../../test-support/tree-life.ts";
import { verifyDirectory } from "../inspection.ts";
import { decodeEntry, encodeEntry } from "../state/entry-codec.ts";
import { type RestorePart, restorePart } from "../state/operation.ts";
import { isStorageError } from "../storage/storage-error.ts";
import { performRepair } from "./perform.ts";
import { planRepair } from "./plan.ts";
import { reportRepair } from "./report.ts";

function node(path: string, owner: bigint | null = null, czxid = 1): unknown[] {
  return [path, null, [[31, "world", "anyone"]], owner, czxid, 1, 1, 1, 1, 0, 0, 0];
}

const underWay = ["/w0", "/w1", "/w2"];
const systemNodes = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"].map((path) => node(path));

/** A log into which these nodes were restored, and what the state was before. */
async function restored(nodes: readonly unknown[]): Promise<{ disk: MemoryDisk; before: unknown }> {
  const disk = new MemoryDisk();
  const life = await TreeLife.open(disk);
  await life.begin();
  life.create("/a", Buffer.from("a"));
  await life.applied();
  await life.snapshot();
  life.create("/b", Buffer.from("b"));
  await life.applied();
  // Nothing in the log says yet what the state was behind these.
  for (const path of underWay) life.create(path, null);
  const before = life.applied().then(() => picture(life.state));
  const parts = [[2, 5, 0], nodes].map((chunk, number) => ({ number, chunk: encode(chunk, { useBigInt64: true }) }));
  for (const { number, chunk } of parts) {
    const logged: RestorePart = { number, isLast: number === parts.length - 1, chunk };
    life.onRecords = (records) =>
      records.map(({ zxid, bytes }) => {
        const entry = decodeEntry(bytes);
        return { zxid, bytes: encodeEntry({ ...entry, operation: { type: restorePart, request: logged } }) };
      });
    // What this version takes of it while it writes: nothing.
    life.propose({ type: restorePart, request: { number: -1, isLast: true, chunk: new Uint8Array(0) } });
  }
  await life.applied();
  return { disk: disk.kill(), before: await before };
}

describe("a log with a restore of what is no state", () => {
  it.each([
    [
      "a tree of another shape",
      [node("/e", 7n), node("/e/child")],
      "its nodes are no tree: /e is ephemeral and has children",
    ],
    ["a number that is none", [node("/x", null, Number.NaN)], 'its node "/x" has NaN as its czxid'],
  ])("that has %s keeps a start from being, and a repair goes back to before it", async (_, nodes, why) => {
    const { disk, before } = await restored([...systemNodes, ...nodes]);
    const refused = await TreeLife.open(copyOf(disk)).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(isStorageError(refused)).toBe(true);
    expect(String(refused)).toMatch(
      /The entry 0x10000000[89] of the log \/data\/log\.\w+ restores a snapshot that holds a wrong state: /,
    );
    expect(String(refused)).toContain(why);
    const { start } = await verifyDirectory(disk, directory);
    expect(start).toEqual({ kind: "refused", why: (refused as Error).message });

    const plan = await planRepair(disk, directory);
    expect(reportRepair(directory, plan)).toContainEqual(
      expect.stringMatching(/^LOST .* all after 0x10000000[78], up to/),
    );
    await performRepair(disk, directory, plan);
    const life = await TreeLife.open(disk);
    expect(life.state.lastZxid).toBe(plan.kept.zxid);
    expect((picture(life.state) as { nodes: unknown }).nodes).toEqual((before as { nodes: unknown }).nodes);
    expect(life.state.tree.get("/b")?.data).toEqual(Buffer.from("b"));
    for (const path of underWay) expect(life.state.tree.get(path), path).toBeDefined();
    await life.storage.close();
  });

  it("that this version does not know is left to the one that wrote it", async () => {
    const { disk } = await restored([...systemNodes, ["/x"]]);
    await expect(TreeLife.open(copyOf(disk))).rejects.toThrow(
      /cannot be understood: the snapshot that the entry 0x\w+ restores: .* Start the version that wrote it/,
    );
    await expect(planRepair(disk, directory)).rejects.toThrow("cannot be understood");
  });
});
