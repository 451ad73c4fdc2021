import { diskError } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { directory } from "../test-support/storage-life.ts";
import { TreeLife } from "../test-support/tree-life.ts";
import { withBadByte, writtenDirectory } from "../test-support/written-directory.ts";
import { verifyDirectory, withDirectory } from "./inspection.ts";
import { noKey } from "./storage/record.ts";
import { encodeSegmentHeader } from "./storage/segment.ts";

describe("verify", () => {
  it("tells what is in each file, and what a start would come to", async () => {
    const { disk, digest } = await writtenDirectory();
    const { files, start } = await verifyDirectory(disk, directory);
    expect(files.map(({ name, content, problem }) => [name, content, problem])).toEqual([
      ["snapshot.100000003", "the state after 0x100000003", undefined],
      ["log.100000001", expect.stringMatching(/^3 records, 0x100000001 to 0x100000003, up to byte \d+$/), undefined],
      ["log.100000004", expect.stringMatching(/^2 records, 0x100000004 to 0x100000005, up to byte \d+$/), undefined],
      ["epoch", "epoch 1, newest log log.100000004", undefined],
    ]);
    const state = { zxid: 2 ** 32 + 5, nodes: 6, sessions: 1, digest, epoch: 1 };
    expect(start).toEqual({ kind: "possible", ...state, takesWrites: true, hasOtherDigests: false });
  });

  it("finds what is wrong in files that no start needs, and what keeps a start from being", async () => {
    const { disk } = await writtenDirectory();
    const old = await verifyDirectory(withBadByte(disk, "log.100000001", 120), directory);
    expect(old.start.kind).toBe("possible");
    expect(old.files[1]?.problem).toBe(
      "at byte 64 it is damaged: the record there is complete, but its checksum is wrong",
    );
    const snapshot = await verifyDirectory(withBadByte(disk, "snapshot.100000003", 100), directory);
    expect(snapshot.files[0]?.problem).toBe("the checksum of the chunk at byte 64 is wrong");
    const log = await verifyDirectory(withBadByte(disk, "log.100000004", 120), directory);
    expect(log.start).toEqual({ kind: "refused", why: expect.stringContaining("log.100000004 is damaged at byte 64") });
    const epoch = await verifyDirectory(withBadByte(disk, "epoch", 8), directory);
    expect(epoch.files.at(-1)?.problem).toBe("it is damaged");
  });

  it.each([
    ["nothing", 0, /^nothing yet/],
    ["half a header", 40, /^nothing yet/],
    ["zeros", 4_096, /^nothing yet/],
    ["a header and too few zeros", 200, /^no record yet/],
  ])("finds nothing wrong with a newer log that was being made, with %s", async (_, bytes, content) => {
    const { disk } = await writtenDirectory();
    const newer = Buffer.alloc(bytes);
    if (bytes < 4_096) {
      encodeSegmentHeader({ firstZxid: 2 ** 32 + 6, previousZxid: 2 ** 32 + 5, keptBytes: 4_096, key: noKey }).copy(
        newer,
      );
    }
    disk.put(`${directory}/log.100000006`, newer);
    const { files, start } = await verifyDirectory(disk, directory);
    expect(start.kind).toBe("possible");
    const found = { name: "log.100000006", bytes, content: expect.stringMatching(content), problem: undefined };
    expect(files).toContainEqual(found);
    expect(files.filter(({ problem }) => problem !== undefined)).toEqual([]);
  });

  it("finds fault with such a log where one was finished, and with one that is not the newest", async () => {
    const { disk } = await writtenDirectory();
    const fault = "its header is not complete";
    disk.put(`${directory}/log.100000004`, Buffer.alloc(40));
    const named = await verifyDirectory(disk, directory);
    expect(named.files.find(({ name }) => name === "log.100000004")?.problem).toBe(fault);
    expect(named.start.kind).toBe("refused");
    const { disk: other } = await writtenDirectory();
    other.put(`${directory}/log.100000003`, Buffer.alloc(40));
    const older = await verifyDirectory(other, directory);
    expect(older.files.find(({ name }) => name === "log.100000003")?.problem).toBe(fault);
    const { disk: third } = await writtenDirectory();
    third.put(`${directory}/log.100000006`, Buffer.alloc(40));
    const unknown = await verifyDirectory(withBadByte(third, "epoch", 8), directory);
    expect(unknown.files.find(({ name }) => name === "log.100000006")?.problem).toBe(fault);
  });

  it("changes nothing, and is refused while a server uses the directory", async () => {
    const { disk } = await writtenDirectory();
    const before = disk.paths().map((path) => [path, disk.contents(path)]);
    await withDirectory(disk, directory, () => verifyDirectory(disk, directory));
    expect(disk.paths().map((path) => [path, disk.contents(path)])).toEqual(before);
    const life = await TreeLife.open(disk);
    await expect(withDirectory(disk, directory, () => verifyDirectory(disk, directory))).rejects.toThrow("is in use");
    await life.storage.close();
  });

  it("goes without the claim where nobody can write, and nowhere else", async () => {
    const { disk } = await writtenDirectory();
    const fails = (code: string, path: string): void => {
      disk.onOperation = ({ kind }) => {
        if (kind === "claimDirectory") throw diskError(code, kind, path);
      };
    };
    fails("EROFS", directory);
    expect(await withDirectory(disk, directory, async (isReadOnly) => isReadOnly)).toBe(true);
    for (const [code, path] of [["EACCES", directory] as const, ["EROFS", "/tmp"] as const]) {
      fails(code, path);
      await expect(withDirectory(disk, directory, async () => "claimed")).rejects.toMatchObject({ code });
    }
    disk.onOperation = undefined;
    expect(await withDirectory(disk, directory, async (isReadOnly) => isReadOnly)).toBe(false);
  });
});
