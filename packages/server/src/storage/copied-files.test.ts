/**
 * A data directory whose files somebody has copied into place, as from a backup. They are in the page cache, and the kernel
 * writes them out when it comes to it; what a start shows and acknowledges on top of them must outlive a power failure before.
 */
import { type Disk, silentLogger } from "@corral/io";
import { diskError, MemoryDisk, seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { directory, letters, lifeRandom, live, startOf, text, toChunks } from "../../test-support/storage-life.ts";
import { Storage, StorageError, type StorageLimits } from "./storage.ts";
import { wrappedDisk } from "./wrapped-disk.ts";

const limits: Partial<StorageLimits> = { segmentBytes: 1_000, preallocateBytes: 1_024, retainedSnapshots: 3 };
const records = letters(1, [900, 900, 900, 900, 900]);

/** What a server has left: five records, each in a segment of its own, with a snapshot after zxid `snapshotZxid` if it is not 0. */
async function written(snapshotZxid: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const { storage, durable } = await live(disk, limits);
  for (const record of records) {
    storage.append([record]);
    await durable(record.zxid);
    if (record.zxid === snapshotZxid)
      await storage.writeSnapshot(snapshotZxid, toChunks(records.slice(0, snapshotZxid)));
  }
  await storage.close();
  return disk;
}

/** The files that `wanted` names, copied to another disk. */
function copied(from: MemoryDisk, wanted: (path: string) => boolean = () => true): MemoryDisk {
  const disk = new MemoryDisk();
  for (const path of from.paths().filter(wanted)) disk.copyIn(path, from.contents(path));
  return disk;
}

describe("a start on files that were copied into place", () => {
  it.each([
    ["a whole directory without a snapshot", 0, () => true],
    ["a whole directory with a snapshot", 3, () => true],
    ["nothing but a snapshot", 5, (path: string) => path.includes("/snapshot.")],
  ])("loses nothing in a power failure: %s", async (_, snapshotZxid, wanted) => {
    const source = await written(snapshotZxid);
    for (let seed = 0; seed < 20; seed += 1) {
      const disk = copied(source, wanted);
      const { storage, durable, recovered } = await live(disk, limits);
      expect(text(recovered)).toEqual(text(records));
      const more = letters(6, [30, 30]);
      storage.append(more);
      await durable(7);
      // The first time nothing that was not synced is left.
      const left = disk.crash(seed === 0 ? {} : { random: seededRandom(seed) });
      expect(await startOf(left, limits), `seed ${seed}`).toEqual(text([...records, ...more]));
    }
  });

  /** Opens, and closes before anything is replayed. */
  const start = async (disk: Disk): Promise<void> => {
    const storage = await Storage.open({ disk, directory, logger: silentLogger, random: lifeRandom, limits });
    await storage.close();
  };

  it("has all on the disk of what it was made, before anything is shown", async () => {
    const disk = copied(await written(3));
    const synced = new Set<string>();
    disk.onOperation = ({ kind, path }) => {
      if (kind === "sync") synced.add(path);
    };
    await start(disk);
    const names = ["epoch", "log.4", "log.5", "snapshot.3"];
    expect([...synced].sort()).toEqual(names.map((name) => `${directory}/${name}`));
    disk.onOperation = undefined;
    expect(await startOf(disk.crash(), limits)).toEqual(text(records));
  });

  it.each(["epoch", "log.4", "log.5", "snapshot.3"])(
    "is refused when %s cannot be brought to the disk",
    async (name) => {
      const disk = copied(await written(3));
      disk.onOperation = ({ kind, path }) => {
        if (kind === "sync" && path === `${directory}/${name}`) throw diskError("EIO", kind, path);
      };
      await expect(start(disk)).rejects.toThrow(StorageError);
    },
  );

  it("needs no more than to read what it does not write on", async () => {
    const disk = copied(await written(3));
    const forReading = wrappedDisk(disk, {
      open: async (path, mode) => {
        if (mode === "write" && !path.endsWith("/log.5")) throw diskError("EACCES", "open", path);
        return disk.open(path, mode);
      },
    });
    await start(forReading);
  });
});
