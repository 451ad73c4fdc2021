import { MemoryDisk } from "@corral/testing";
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
    const oldest = await purge(disk, "/d", { retainedSnapshots: 3, segments: known });
    const zxids = (kind: string) =>
      disk
        .crash()
        .paths()
        .filter((path) => path.includes(kind))
        .map((path) => Number.parseInt(path.slice(path.indexOf(".") + 1), 16))
        .sort((one, other) => one - other)
        .join(" ");
    expect(`${zxids("log")} | ${zxids("snapshot")}`).toBe(left);
    expect(oldest).toBe(snapshots.length < 3 ? undefined : Number(left.split(" ")[0]));
  });
});
