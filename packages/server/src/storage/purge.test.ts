import { diskError, MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { purge } from "./purge.ts";

/** Segments as `first zxid < zxid before it`, `?` if that is not known. */
const segments = (...known: string[]) =>
  known.map((entry) => {
    const [first, previous] = entry.split("<");
    return { firstZxid: Number(first), previousZxid: previous === "?" ? undefined : Number(previous) };
  });

describe("purge", () => {
  it.each([
    { what: "too few snapshots", snapshots: [2, 4], known: segments("1<0", "3<2", "5<4"), left: "1 3 5 | 2 4" },
    {
      what: "a segment right behind the oldest",
      snapshots: [2, 4, 6],
      known: segments("1<0", "3<2", "5<4", "7<6"),
      left: "3 5 7 | 2 4 6",
    },
    {
      what: "more snapshots than are kept",
      snapshots: [2, 4, 6, 8],
      known: segments("1<0", "3<2", "5<4", "7<6"),
      left: "5 7 | 4 6 8",
    },
    { what: "one record between", snapshots: [2, 4, 6], known: segments("1<0", "4<3", "6<5"), left: "1 4 6 | 2 4 6" },
    { what: "zxids that jump", snapshots: [2, 4, 6], known: segments("1<0", "9<2"), left: "9 | 2 4 6" },
    {
      what: "unknown ones that start before",
      snapshots: [5, 6, 7],
      known: segments("1<?", "3<?", "9<8"),
      left: "3 9 | 5 6 7",
    },
    {
      what: "an unknown one that may be needed",
      snapshots: [2, 6, 7],
      known: segments("1<?", "3<?", "9<8"),
      left: "1 3 9 | 2 6 7",
    },
    {
      what: "a segment that is not known to have a record",
      snapshots: [8, 9, 10],
      known: segments("1<0", "3<2"),
      left: "3 | 8 9 10",
    },
  ])("keeps what the oldest snapshot needs: $what", async ({ snapshots, known, left }) => {
    const disk = new MemoryDisk();
    for (const zxid of snapshots) disk.put(`/d/snapshot.${zxid.toString(16)}`, Buffer.from("snapshot"));
    for (const { firstZxid } of known) disk.put(`/d/log.${firstZxid.toString(16)}`, Buffer.from("log"));
    const oldest = await purge(disk, "/d", { retainedSnapshots: 3, segments: known, isOpen: () => false });
    const zxids = (kind: string) =>
      disk
        .crash()
        .paths()
        .filter((path) => path.includes(kind) && !path.endsWith(".tmp"))
        .map((path) => Number.parseInt(path.slice(path.indexOf(".") + 1), 16))
        .sort((one, other) => one - other)
        .join(" ");
    expect(`${zxids("log")} | ${zxids("snapshot")}`).toBe(left);
    expect(oldest).toBe(snapshots.length < 3 ? undefined : Number(left.split(" ")[0]));
  });

  const megabyte = 1024 * 1024;

  /** A disk with snapshots of that many bytes after zxids 2, 4, 6 …, of which one is kept. */
  function snapshotsOf(bytes: number, count: number): { disk: MemoryDisk; run: (open?: string) => Promise<unknown> } {
    const disk = new MemoryDisk();
    for (let zxid = 2; zxid <= 2 * count; zxid += 2) disk.put(`/d/snapshot.${zxid}`, Buffer.alloc(bytes, zxid));
    const run = (open?: string) =>
      purge(disk, "/d", { retainedSnapshots: 1, segments: [], isOpen: (name) => name === open });
    return { disk, run };
  }

  it("removes a large file bit by bit, and only when its name is gone for good", async () => {
    const { disk, run } = snapshotsOf(10 * megabyte, 2);
    const operations: string[] = [];
    disk.onOperation = ({ kind, path }) => {
      if (kind === "truncate" && operations.at(-1) === "syncDirectory") {
        expect(disk.crash().paths(), "after a crash").toEqual(["/d/snapshot.2.tmp", "/d/snapshot.4"]);
      }
      operations.push(kind === "truncate" ? `${kind} ${disk.contents(path).length / megabyte}` : kind);
    };
    await run();
    expect(operations.join(", ")).toBe(
      "list, rename, syncDirectory, open, isUnread, size, truncate 10, truncate 6, close, remove",
    );
  });

  it("leaves the bytes of a snapshot that somebody reads", async () => {
    const { disk, run } = snapshotsOf(10 * megabyte, 2);
    const file = await disk.open("/d/snapshot.2", "read");
    await run("snapshot.2");
    expect(disk.paths()).toEqual(["/d/snapshot.4"]);
    expect(await file.read(10 * megabyte - 1, 1)).toEqual(Buffer.of(2));
  });

  it("leaves the bytes of a snapshot that somebody else is copying", async () => {
    const { disk, run } = snapshotsOf(10 * megabyte, 2);
    const copied = disk.openElsewhere("/d/snapshot.2");
    const begun = await copied.read(0, megabyte);
    await run();
    expect(disk.paths()).toEqual(["/d/snapshot.4"]);
    const rest = await copied.read(megabyte, 10 * megabyte);
    expect(Buffer.concat([begun, rest]).equals(Buffer.alloc(10 * megabyte, 2))).toBe(true);
  });

  it("removes bit by bit what the server itself has read, as at a start", async () => {
    const { disk, run } = snapshotsOf(10 * megabyte, 2);
    const file = await disk.open("/d/snapshot.2", "read");
    await file.read(0, megabyte);
    await file.close();
    const truncated: string[] = [];
    disk.onOperation = ({ kind, path }) => {
      if (kind === "truncate") truncated.push(path);
    };
    await run();
    expect(truncated).toEqual(["/d/snapshot.2.tmp", "/d/snapshot.2.tmp"]);
  });

  it("leaves the bytes of files that have another name", async () => {
    const { disk, run } = snapshotsOf(10 * megabyte, 3);
    disk.link("/d/snapshot.2", "/backup/snapshot.2");
    await run();
    expect(disk.paths()).toEqual(["/backup/snapshot.2", "/d/snapshot.6"]);
    expect(disk.contents("/backup/snapshot.2").equals(Buffer.alloc(10 * megabyte, 2))).toBe(true);
  });

  it("removes at once what cannot tell whether it is read", async () => {
    const { disk, run } = snapshotsOf(10 * megabyte, 2);
    const truncated: string[] = [];
    disk.onOperation = ({ kind, path }) => {
      if (kind === "isUnread") throw diskError("EIO", kind, path);
      if (kind === "truncate") truncated.push(path);
    };
    await run();
    expect([disk.paths(), truncated]).toEqual([["/d/snapshot.4"], []]);
  });

  it("removes at once what may not be written to, and goes on", async () => {
    const { disk, run } = snapshotsOf(10 * megabyte, 3);
    disk.onOperation = ({ kind, path }) => {
      if (kind === "open" && path === "/d/snapshot.2.tmp") throw diskError("EACCES", kind, path);
    };
    await run();
    expect(disk.paths()).toEqual(["/d/snapshot.6"]);
  });

  it("removes the next time what it could not remove, and the others now", async () => {
    const { disk, run } = snapshotsOf(10 * megabyte, 3);
    disk.put("/d/epoch.tmp", Buffer.from("being written"));
    disk.onOperation = ({ kind, path }) => {
      if (kind === "remove" && path === "/d/snapshot.2.tmp") throw diskError("EIO", kind, path);
    };
    await expect(run()).rejects.toMatchObject({ code: "EIO" });
    disk.onOperation = undefined;
    expect(disk.paths()).toEqual(["/d/epoch.tmp", "/d/snapshot.2.tmp", "/d/snapshot.6"]);
    await run();
    expect(disk.paths()).toEqual(["/d/epoch.tmp", "/d/snapshot.6"]);
  });
});
