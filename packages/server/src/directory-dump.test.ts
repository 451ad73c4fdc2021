import { crc32 } from "@corral/io";
import { MemoryDisk } from "@corral/testing";
import { encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { directory } from "../test-support/storage-life.ts";
import { TreeLife, withOtherData } from "../test-support/tree-life.ts";
import { withBadByte, writtenDirectory } from "../test-support/written-directory.ts";
import { dumpDirectory } from "./directory-dump.ts";
import { planRepair } from "./repair/plan.ts";
import { snapshotFileName } from "./storage/file-names.ts";
import { defaultStorageLimits } from "./storage/limits.ts";
import { sectorBytes } from "./storage/record.ts";
import { writeSnapshotFile } from "./storage/snapshot-file.ts";

interface Dumped {
  readonly lines: readonly unknown[];
  readonly warnings: readonly string[];
  readonly error: string | undefined;
}

async function tried(disk: MemoryDisk, fromZxid = 0, toZxid = Number.MAX_SAFE_INTEGER): Promise<Dumped> {
  const lines: unknown[] = [];
  const warnings: string[] = [];
  const sink = {
    onLine: (line: unknown) => void lines.push(JSON.parse(JSON.stringify(line))),
    onWarning: (warning: string) => void warnings.push(warning),
  };
  const error = await dumpDirectory(disk, directory, { fromZxid, toZxid }, sink).then(
    () => undefined,
    (reason: unknown) => (reason as Error).message,
  );
  return { lines, warnings, error };
}

async function dumped(...args: Parameters<typeof tried>): Promise<readonly unknown[]> {
  const { lines, ...rest } = await tried(...args);
  expect(rest).toEqual({ warnings: [], error: undefined });
  return lines;
}

describe("of a sound directory", () => {
  it("has all children of a node, though they are more than a call takes arguments", async () => {
    const children = Array.from({ length: 150_000 }, (_, at) => `/child${at}`);
    const all = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", ...children];
    const nodes = all.map((path, at) => {
      const acl = at === 0 ? [[31, "world", "anyone"]] : 0;
      return [path, null, acl, null, 1, 1, 1, 1, 1, 0, 0, 0];
    });
    const zxid = 5;
    const pieces: Uint8Array[] = [];
    const file = {
      write: (_: number, bytes: Uint8Array) => Promise.resolve(void pieces.push(bytes)),
      sync: () => Promise.resolve(),
    };
    await writeSnapshotFile(file, zxid, [encode([2, zxid, 0]), encode(nodes)], defaultStorageLimits.itemBytes);
    const disk = new MemoryDisk();
    disk.put(`${directory}/${snapshotFileName(zxid)}`, Buffer.concat(pieces));
    const paths: unknown[] = [];
    const sink = {
      onLine: ({ path }: { readonly path?: unknown }) => void paths.push(path),
      onWarning: (warning: string) => expect.unreachable(warning),
    };
    await dumpDirectory(disk, directory, { fromZxid: 0, toZxid: Number.MAX_SAFE_INTEGER }, sink);
    // One expectation for all of them: they are many.
    expect(paths.join(" ")).toContain(children.join(" "));
  });

  it("has the snapshot and the entries after it", async () => {
    const { disk, digest } = await writtenDirectory();
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
    const { disk } = await writtenDirectory();
    expect(await dumped(disk, 2 ** 32 + 5)).toHaveLength(1);
    expect(await dumped(disk, 2 ** 32 + 4, 2 ** 32 + 4)).toHaveLength(1);
    expect(JSON.stringify(await dumped(disk))).not.toContain("password");
  });
});

describe("of a directory in which something is wrong", () => {
  it("warns of a damaged snapshot, and begins with the one before", async () => {
    const { disk } = await writtenDirectory();
    const { lines, warnings, error } = await tried(withBadByte(disk, "snapshot.100000003", 100));
    expect(error).toBeUndefined();
    expect(warnings).toEqual([
      expect.stringMatching(
        /snapshot\.100000003 is damaged \(the checksum .* is wrong\)\. This is the empty tree, and the log/,
      ),
    ]);
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatchObject({ kind: "entry", zxid: "0x100000001" });
  });

  it("warns of a write that was cut short", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    life.create("/a", Buffer.alloc(1_000, 1));
    await life.applied();
    const left = disk.kill();
    const path = `${directory}/log.100000001`;
    const bytes = left.contents(path);
    const end = bytes.findLastIndex((byte) => byte !== 0);
    bytes.fill(0, end - (end % sectorBytes));
    left.put(path, bytes);
    const { lines, warnings, error } = await tried(left);
    expect(error).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/log\.100000001 ends at byte \d+, after 0x100000001, in a write/)]);
    expect(lines).toEqual([expect.objectContaining({ zxid: "0x100000001" })]);
  });

  it("gives what a repair would keep, then tells why a start would be refused", async () => {
    const { disk } = await writtenDirectory();
    const bytes = disk.contents(`${directory}/log.100000004`);
    const last = bytes.findLastIndex((byte) => byte !== 0) - 20;
    const damaged = withBadByte(disk, "log.100000004", last);
    const { kept } = await planRepair(damaged, directory);
    expect(kept.zxid).toBe(2 ** 32 + 4);
    const all = await tried(damaged);
    expect(all.error).toContain("log.100000004 is damaged at byte");
    expect(all.lines[0]).toMatchObject({ kind: "snapshot", zxid: "0x100000003" });
    expect(all.lines.at(-1)).toMatchObject({ kind: "entry", zxid: "0x100000004" });
    const before = await tried(damaged, 0, 2 ** 32 + 3);
    expect(before.error).toBe(all.error);
    expect(before.lines).toEqual(all.lines.slice(0, -1));
    const behind = await tried(damaged, 2 ** 32 + 5);
    expect(behind).toMatchObject({ lines: [], error: all.error });
  });

  it("gives all of it if nothing but the epoch file is bad", async () => {
    const { disk } = await writtenDirectory();
    const { lines, error } = await tried(withBadByte(disk, "epoch", 8));
    expect(error).toContain("/epoch is damaged");
    expect(lines).toEqual(await dumped(disk));
  });

  it("gives nothing where another version has written", async () => {
    const { disk } = await writtenDirectory();
    const content = "corral-epoch 2\nepoch 1\n";
    const checksum = crc32(Buffer.from(content)).toString(16).padStart(8, "0");
    disk.put(`${directory}/epoch`, Buffer.from(`${content}crc32 ${checksum}\n`));
    const { lines, error } = await tried(disk);
    expect({ lines, error }).toEqual({ lines: [], error: expect.stringContaining("Nothing is wrong with") });
  });

  it("ends before an entry that means nothing here", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    life.create("/a");
    await life.applied();
    life.onRecords = (records) => records.map(({ zxid }) => ({ zxid, bytes: Buffer.from("nonsense") }));
    life.create("/b");
    await life.applied();
    const { lines, error } = await tried(disk.kill());
    expect(error).toContain("cannot be understood: the entry 0x100000003");
    expect(lines.at(-1)).toMatchObject({ zxid: "0x100000002", request: { path: "/a" } });
  });

  it("gives entries that lead to another state than they did, and tells so", async () => {
    const disk = new MemoryDisk();
    const life = await TreeLife.open(disk);
    await life.begin();
    life.create("/a");
    await life.applied();
    life.onRecords = withOtherData;
    life.set("/a", Buffer.from("b"));
    await life.applied();
    life.onRecords = (records) => records;
    life.create("/d");
    await life.applied();
    const { lines, error } = await tried(disk.kill());
    expect(error).toContain("leads to another state");
    expect(lines.at(-2)).toMatchObject({ request: { path: "/a", data: "c" } });
    expect(lines.at(-1)).toMatchObject({ request: { path: "/d" } });
  });
});
