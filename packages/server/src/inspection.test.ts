import { MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { copyOf, directory } from "../test-support/storage-life.ts";
import { TreeLife } from "../test-support/tree-life.ts";
import { dumpDirectory, verifyDirectory, withDirectory } from "./inspection.ts";
import { formatDigest } from "./state/tree-digest.ts";

/** A snapshot after 0x100000003, two entries before it, two behind it. */
async function written(): Promise<{ disk: MemoryDisk; digest: string }> {
  const disk = new MemoryDisk();
  const life = await TreeLife.open(disk);
  await life.begin();
  life.create("/a", Buffer.from("text"));
  life.create("/b", Buffer.from([0xff]));
  await life.applied();
  await life.snapshot();
  life.set("/a", Buffer.from("other"));
  life.delete("/b");
  await life.applied();
  return { disk: disk.kill(), digest: formatDigest(life.state.tree.digest) };
}

async function dumped(disk: MemoryDisk, fromZxid = 0, toZxid = Number.MAX_SAFE_INTEGER): Promise<unknown[]> {
  const lines: unknown[] = [];
  await dumpDirectory(disk, directory, { fromZxid, toZxid }, (line) => lines.push(JSON.parse(JSON.stringify(line))));
  return lines;
}

describe("verify", () => {
  it("tells what is in each file, and what a start would come to", async () => {
    const { disk, digest } = await written();
    const { files, start } = await verifyDirectory(disk, directory);
    expect(files.map(({ name, content, problem }) => [name, content, problem])).toEqual([
      ["snapshot.100000003", "the state after 0x100000003", undefined],
      ["log.100000001", expect.stringMatching(/^3 records, 0x100000001 to 0x100000003, up to byte \d+$/), undefined],
      ["log.100000004", expect.stringMatching(/^2 records, 0x100000004 to 0x100000005, up to byte \d+$/), undefined],
      ["epoch", "epoch 1, newest log log.100000004", undefined],
    ]);
    expect(start).toEqual({ kind: "possible", zxid: 2 ** 32 + 5, nodes: 6, sessions: 1, digest });
  });

  it("finds what is wrong in files that no start needs, and what keeps a start from being", async () => {
    const { disk } = await written();
    const flip = (name: string, at: number): MemoryDisk =>
      copyOf(disk, (copy) => {
        const bytes = copy.contents(`${directory}/${name}`);
        bytes[at] = (bytes[at] as number) ^ 1;
        copy.put(`${directory}/${name}`, bytes);
      });
    const old = await verifyDirectory(flip("log.100000001", 120), directory);
    expect(old.start.kind).toBe("possible");
    expect(old.files[1]?.problem).toBe(
      "at byte 64 it is damaged: the record there is complete, but its checksum is wrong",
    );
    const snapshot = await verifyDirectory(flip("snapshot.100000003", 100), directory);
    expect(snapshot.files[0]?.problem).toBe("the checksum of the chunk at byte 64 is wrong");
    const log = await verifyDirectory(flip("log.100000004", 120), directory);
    expect(log.start).toEqual({ kind: "refused", why: expect.stringContaining("log.100000004 is damaged at byte 64") });
    const epoch = await verifyDirectory(flip("epoch", 8), directory);
    expect(epoch.files.at(-1)?.problem).toBe("it is damaged");
  });

  it("changes nothing, and is refused while a server uses the directory", async () => {
    const { disk } = await written();
    const before = disk.paths().map((path) => [path, disk.contents(path)]);
    await withDirectory(disk, directory, () => verifyDirectory(disk, directory));
    expect(disk.paths().map((path) => [path, disk.contents(path)])).toEqual(before);
    const life = await TreeLife.open(disk);
    await expect(withDirectory(disk, directory, () => verifyDirectory(disk, directory))).rejects.toThrow("is in use");
    await life.storage.close();
  });
});

describe("dump", () => {
  it("has the snapshot and the entries after it", async () => {
    const { disk, digest } = await written();
    const lines = await dumped(disk);
    expect(lines.slice(0, 3)).toEqual([
      { kind: "snapshot", zxid: "0x100000003", digest: expect.stringMatching(/^[0-9a-f]{16}$/) },
      { kind: "session", id: "0x100", timeoutMs: 5_000, attachment: 1 },
      expect.objectContaining({ kind: "node", path: "/" }),
    ]);
    expect(lines).toContainEqual(expect.objectContaining({ path: "/a", data: "text", version: 0 }));
    expect(lines).toContainEqual(expect.objectContaining({ path: "/b", data: { base64: "/w==" } }));
    expect(lines.at(-2)).toMatchObject({
      kind: "entry",
      file: "log.100000004",
      zxid: "0x100000004",
      session: "0x100",
      operation: 5,
      request: { path: "/a", data: "other", version: -1 },
      after: "0x100000003",
    });
    expect(lines.at(-1)).toMatchObject({ zxid: "0x100000005", operation: 2, request: { path: "/b" } });
    expect(JSON.stringify(lines)).not.toContain(digest);
  });

  it("leaves out what is not asked for, and passwords", async () => {
    const { disk } = await written();
    expect(await dumped(disk, 2 ** 32 + 5)).toHaveLength(1);
    expect(await dumped(disk, 2 ** 32 + 4, 2 ** 32 + 4)).toHaveLength(1);
    expect(JSON.stringify(await dumped(disk))).not.toContain("password");
  });
});
