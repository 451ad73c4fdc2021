/** A small data directory, on a disk in memory, that a server has left. */
import { MemoryDisk } from "@corral/testing";
import { formatDigest } from "../src/state/tree-digest.ts";
import { copyOf, directory } from "./storage-life.ts";
import { TreeLife } from "./tree-life.ts";

/** A snapshot after 0x100000003, two entries before it, two behind it. */
export async function writtenDirectory(): Promise<{ disk: MemoryDisk; digest: string }> {
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

/** A copy in which one bit of a byte of that file is another. */
export function withBadByte(disk: MemoryDisk, name: string, at: number): MemoryDisk {
  return copyOf(disk, (copy) => {
    const bytes = copy.contents(`${directory}/${name}`);
    bytes[at] = (bytes[at] as number) ^ 1;
    copy.put(`${directory}/${name}`, bytes);
  });
}
