import { MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { findApacheData } from "./apache-data.ts";

const directory = "/data";

async function diskWith(files: Readonly<Record<string, string>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(directory);
  for (const [name, text] of Object.entries(files)) {
    const file = await disk.open(`${directory}/${name}`, "create");
    await file.write(0, Buffer.from(text, "latin1"));
    await file.close();
  }
  return disk;
}

describe("the data of an Apache ZooKeeper", () => {
  it.each([
    ["version-2", { "version-2": "" }],
    ["log.1", { "log.1": "ZKLG\0\0\0\x02" }],
    ["snapshot.0", { "log.1": "", "snapshot.0": "ZKSN\0\0\0\x02" }],
    ["snapshot.5.gz", { "snapshot.5.gz": "\x1f\x8b" }],
    ["snapshot.5.snappy", { "log.6": "\0\0\0\0\0\0\0\0", "snapshot.5.snappy": "" }],
    ["currentEpoch", { currentEpoch: "1", "log.1": "" }],
    ["acceptedEpoch", { acceptedEpoch: "1", "snapshot.0": "" }],
  ])("is known by %s", async (what, files) => {
    expect(await findApacheData(await diskWith(files), directory)).toBe(what);
  });

  it.each([
    ["nothing", {}],
    ["other files", { notes: "ZKLG", "snapshot.5.tmp": "" }],
    ["our epoch", { epoch: "", "version-2": "", "log.1": "ZKLG" }],
    ["a log of ours", { currentEpoch: "1", "log.1": "CORRALWL", "version-2": "" }],
    ["a snapshot of ours", { "log.1": "", "snapshot.1": "CORRALSN", "snapshot.0": "ZKSN", "version-2": "" }],
    ["a log without a head", { "log.1": "\0\0\0\0\0\0\0\0" }],
  ])("is not where there is %s", async (_, files) => {
    expect(await findApacheData(await diskWith(files), directory)).toBeUndefined();
  });
});
