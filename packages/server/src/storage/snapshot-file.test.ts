import { MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { readSnapshotFile, verifySnapshotFile, writeSnapshotFile } from "./snapshot-file.ts";

const path = "/d/snapshot.5";
const chunks = ["first chunk", "", "second", "x".repeat(300)].map((chunk) => Buffer.from(chunk));
const chunkBytesMax = 1_000;

async function write(parts: Iterable<Uint8Array>): Promise<Buffer> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/d");
  await writeSnapshotFile(await disk.open(path, "create"), 5, parts, chunkBytesMax);
  return disk.contents(path);
}

async function verdictOn(bytes: Buffer, zxid = 5) {
  const disk = new MemoryDisk();
  disk.put(path, bytes);
  return verifySnapshotFile(disk, path, zxid, chunkBytesMax);
}

describe("a snapshot file", () => {
  it("gives the chunks back in order", async () => {
    const disk = new MemoryDisk();
    disk.put(path, await write(chunks));
    const read: string[] = [];
    expect(await readSnapshotFile(disk, path, 5, chunkBytesMax, (chunk) => read.push(chunk.toString()))).toEqual({
      kind: "valid",
    });
    expect(read).toEqual(["first chunk", "second", "x".repeat(300)]);
  });

  it("is synced on the way, so that the sync at the end does not keep the log waiting", async () => {
    const disk = new MemoryDisk();
    await disk.makeDirectory("/d");
    let unsyncedBytes = 0;
    let unsyncedBytesMax = 0;
    disk.onOperation = ({ kind }) => {
      if (kind === "sync") unsyncedBytes = 0;
      if (kind === "write") unsyncedBytes += 1 << 20;
      unsyncedBytesMax = Math.max(unsyncedBytesMax, unsyncedBytes);
    };
    const large = Array.from({ length: 9 }, () => Buffer.alloc(1 << 20));
    await writeSnapshotFile(await disk.open(path, "create"), 5, large, 1 << 20);
    expect(unsyncedBytesMax).toBeLessThanOrEqual(6 << 20);
  });

  it("may be empty", async () => {
    expect(await verdictOn(await write([]))).toEqual({ kind: "valid" });
  });

  it("is damaged when cut at any byte, or when anything follows", async () => {
    const bytes = await write(chunks);
    for (let length = 0; length < bytes.length; length += 1) {
      expect((await verdictOn(bytes.subarray(0, length))).kind, `cut at ${length}`).toBe("damaged");
    }
    expect((await verdictOn(Buffer.concat([bytes, Buffer.alloc(1)]))).kind).toBe("damaged");
  });

  it("is damaged when any byte is changed", async () => {
    const bytes = await write(chunks);
    for (let at = 0; at < bytes.length; at += 1) {
      for (const change of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= change;
        expect((await verdictOn(changed)).kind, `byte ${at}`).toBe("damaged");
      }
    }
  });

  it("is damaged when chunks are exchanged or left out, though each one is whole", async () => {
    const [head, one, two] = [32, 32 + 8 + 4, 32 + 2 * (8 + 4)] as const;
    const bytes = await write([Buffer.from("aaaa"), Buffer.from("bbbb")]);
    const parts = [bytes.subarray(0, head), bytes.subarray(head, one), bytes.subarray(one, two), bytes.subarray(two)];
    expect((await verdictOn(Buffer.concat(parts))).kind).toBe("valid");
    for (const order of [
      [0, 2, 1, 3],
      [0, 1, 3],
      [0, 2, 3],
      [0, 1, 1, 2, 3],
      [0, 3],
    ]) {
      expect((await verdictOn(Buffer.concat(order.map((index) => parts[index]!)))).kind).toBe("damaged");
    }
  });

  it("is damaged under another name", async () => {
    expect(await verdictOn(await write(chunks), 6)).toEqual({
      kind: "damaged",
      why: "its name and its header do not agree",
    });
  });
});
