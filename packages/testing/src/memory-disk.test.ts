import { DirectoryInUseError, type DiskFile } from "@corral/io";
import { describe, expect, it } from "vitest";
import { diskError } from "./disk-error.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { seededRandom } from "./seeded-random.ts";

async function diskWith(files: Record<string, string> = {}): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/d");
  for (const [name, text] of Object.entries(files)) disk.put(`/d/${name}`, Buffer.from(text));
  return disk;
}

async function create(disk: MemoryDisk, name: string, text: string): Promise<DiskFile> {
  const file = await disk.open(`/d/${name}`, "create");
  await file.write(0, Buffer.from(text));
  return file;
}

describe("MemoryDisk", () => {
  it("reads what was written, at any position, with zeros in gaps", async () => {
    const disk = await diskWith();
    const file = await create(disk, "a", "hello");
    await file.write(8, Buffer.from("world"));
    expect((await file.read(0, 100)).toString("latin1")).toBe("hello\0\0\0world");
    await file.truncate(3);
    await file.truncate(6);
    expect((await file.read(0, 100)).toString("latin1")).toBe("hel\0\0\0");
    expect(await disk.list("/d")).toEqual(["a"]);
    await file.close();
    await file.close();
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: "EBADF", path: "/d/a" });
  });

  it("gives the errors of the port's contract", async () => {
    const disk = await diskWith({ a: "x" });
    await expect(disk.open("/d/none", "read")).rejects.toMatchObject({ code: "ENOENT", path: "/d/none" });
    await expect(disk.open("/d/a", "create")).rejects.toMatchObject({ code: "EEXIST" });
    await expect(disk.list("/none")).rejects.toMatchObject({ code: "ENOENT" });
    await disk.remove("/d/none");
    const claim = await disk.claimDirectory("/d");
    await expect(disk.claimDirectory("/d")).rejects.toThrow(DirectoryInUseError);
    await claim.release();
    await claim.release();
    await disk.claimDirectory("/d");
  });

  it("keeps the page cache when the process is killed, and frees its claims and handles", async () => {
    const disk = await diskWith();
    await disk.claimDirectory("/d");
    const file = await create(disk, "a", "unsynced");
    const next = disk.kill();
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: "EIO" });
    await expect(disk.list("/d")).rejects.toMatchObject({ code: "EIO" });
    await next.claimDirectory("/d");
    expect(next.contents("/d/a").toString()).toBe("unsynced");
    expect(next.crash().paths()).toEqual([]);
  });

  it("keeps at a crash what was written through, and nothing else of the file; it fails as a sync does", async () => {
    const disk = await diskWith({ a: "------" });
    const file = await disk.open("/d/a", "write");
    await file.write(0, Buffer.from("ab"));
    await file.writeThrough?.(2, Buffer.from("cd"));
    expect(disk.contents("/d/a").toString()).toBe("abcd--");
    disk.onOperation = ({ kind, path }) => {
      if (kind === "sync") throw diskError("EIO", kind, path);
    };
    await expect(file.writeThrough?.(4, Buffer.from("ef"))).rejects.toMatchObject({ code: "EIO" });
    expect(disk.contents("/d/a").toString()).toBe("abcdef");
    expect(disk.crash().contents("/d/a").toString()).toBe("--cd--");
  });

  it("drops at a crash what was not synced: bytes, lengths, names, renames, removals", async () => {
    const disk = await diskWith({ kept: "old", moved: "m", removed: "r" });
    const kept = await disk.open("/d/kept", "write");
    await kept.write(0, Buffer.from("new and longer"));
    const synced = await create(disk, "synced", "bytes but no name");
    await synced.sync();
    await disk.rename("/d/moved", "/d/target");
    await disk.remove("/d/removed");
    const next = disk.crash();
    expect(next.paths()).toEqual(["/d/kept", "/d/moved", "/d/removed"]);
    expect(next.contents("/d/kept").toString()).toBe("old");
  });

  it("keeps at a crash what was synced", async () => {
    const disk = await diskWith({ moved: "m", removed: "r" });
    const file = await create(disk, "a", "first");
    await file.sync();
    await file.write(5, Buffer.from(" second"));
    await disk.rename("/d/moved", "/d/target");
    await disk.remove("/d/removed");
    await disk.syncDirectory("/d");
    const next = disk.crash();
    expect(next.paths()).toEqual(["/d/a", "/d/target"]);
    expect(next.contents("/d/a").toString()).toBe("first");
  });

  it("with a generator keeps some of the unsynced sectors: prefixes, and holes of zeros", async () => {
    const patterns = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const disk = await diskWith({ a: "" });
      const file = await disk.open("/d/a", "write");
      await file.truncate(2_048);
      await file.sync();
      await file.write(0, Buffer.alloc(2_048, "x"));
      const left = disk.crash({ random: seededRandom(seed) }).contents("/d/a");
      patterns.add([0, 512, 1_024, 1_536].map((at) => (left[at] === 0 ? "." : "x")).join(""));
      expect([...left].every((byte, at) => byte === left[at - (at % 512)])).toBe(true);
    }
    for (const pattern of ["....", "x...", "xx..", "xxx.", "xxxx"]) expect(patterns).toContain(pattern);
    expect([...patterns].filter((pattern) => /\.x/.test(pattern)).length).toBeGreaterThan(4);
  });

  it("fails, waits or dies where the test says", async () => {
    const disk = await diskWith();
    const file = await create(disk, "a", "x");
    disk.onOperation = ({ kind, path }) => {
      if (kind === "write") throw diskError("EIO", kind, path);
    };
    await expect(file.write(0, Buffer.from("y"))).rejects.toMatchObject({ code: "EIO" });
    let letThrough = () => {};
    disk.onOperation = () => new Promise((resolve) => (letThrough = resolve));
    let synced = false;
    const syncing = file.sync().then(() => (synced = true));
    await Promise.resolve();
    expect(synced).toBe(false);
    letThrough();
    await syncing;
    let next: MemoryDisk | undefined;
    disk.onOperation = () => {
      next = disk.crash();
    };
    await expect(disk.syncDirectory("/d")).rejects.toMatchObject({ code: "EIO" });
    expect(next?.paths()).toEqual([]);
  });

  it("after a failed sync never makes those bytes durable, unless they are written again", async () => {
    const disk = await diskWith({ a: "" });
    const file = await disk.open("/d/a", "write");
    await file.write(0, Buffer.from("lost"));
    disk.onOperation = ({ kind, path }) => {
      if (kind === "sync") throw diskError("EIO", kind, path);
    };
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    disk.onOperation = undefined;
    await file.sync();
    expect((await file.read(0, 4)).toString()).toBe("lost");
    const next = disk.kill();
    expect(next.contents("/d/a").toString()).toBe("lost");
    const again = await next.open("/d/a", "write");
    await again.sync();
    await again.write(0, Buffer.from("lo"));
    await again.sync();
    expect(next.crash().contents("/d/a").toString("latin1")).toBe("lo\0\0");
  });

  it("is full when its capacity is used up: writes what fits, then ENOSPC", async () => {
    const disk = await diskWith({ a: "12345" });
    disk.capacityBytes = 8;
    const file = await create(disk, "b", "12");
    await expect(file.write(2, Buffer.from("345"))).rejects.toMatchObject({ code: "ENOSPC", path: "/d/b" });
    expect((await file.read(0, 10)).toString()).toBe("123");
    await file.write(0, Buffer.from("xyz"));
  });

  it("loses at a crash a file that was copied in, unless it is synced: its bytes, and its name", async () => {
    const copied = async () => {
      const disk = await diskWith();
      disk.copyIn("/d/a", Buffer.from("bytes"));
      expect(disk.contents("/d/a").toString()).toBe("bytes");
      return disk.kill();
    };
    expect((await copied()).crash().paths()).toEqual([]);
    const named = await copied();
    await named.syncDirectory("/d");
    expect(named.crash().contents("/d/a").length).toBe(0);
    const synced = await copied();
    await (await synced.open("/d/a", "read")).sync();
    await synced.syncDirectory("/d");
    expect(synced.crash().contents("/d/a").toString()).toBe("bytes");
  });

  it("tells that somebody else has read a file, after a kill and a crash too, but not its own reading", async () => {
    const disk = await diskWith({ own: "1", others: "2" });
    await (await disk.open("/d/own", "read")).read(0, 1);
    expect((await disk.openElsewhere("/d/others").read(0, 1)).toString()).toBe("2");
    const next = disk.kill().crash();
    const isUnread = async (name: string) => (await next.open(`/d/${name}`, "write")).isUnread?.();
    expect([await isUnread("own"), await isUnread("others")]).toEqual([true, false]);
    expect(await isUnread("own"), "it was read to see whether that shows").toBe(false);
  });
});
