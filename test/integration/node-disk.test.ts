/** Node's files: the contract of the `Disk` port on a real file system, and claims between real processes. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { DirectoryInUseError, nodeDisk } from "@corral/io";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NodeChild } from "../support/node-child.ts";

let directory: string;
const claimants: Claimant[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-disk-"));
});

afterEach(async () => {
  for (const claimant of claimants.splice(0)) await claimant.kill();
  await rm(directory, { recursive: true, force: true });
});

/** A process that claims a directory. */
class Claimant extends NodeChild {
  /** What it says first: `claimed`, `in use`, or what went wrong. */
  readonly verdict: Promise<string>;

  constructor(path: string) {
    const built = new URL("../../packages/io/dist/index.js", import.meta.url);
    if (!existsSync(built))
      throw new Error("packages/io is not built: run `npm run build` (or `npm test`, which does)");
    super(fileURLToPath(new URL("./processes/claim-directory.mjs", import.meta.url)), { args: [path] });
    const { stdout } = this.process;
    if (stdout === null) throw new Error("standard output is piped");
    this.verdict = Promise.race([
      new Promise<string>((resolve) => createInterface({ input: stdout }).once("line", resolve)),
      this.exited.then(() => `ended without a word: ${this.stderr}`),
    ]);
    claimants.push(this);
  }

  async release(): Promise<void> {
    this.process.stdin?.write("release\n");
    await this.exited;
  }
}

describe("nodeDisk", () => {
  it.skipIf(process.platform === "win32")("opens nothing for reading but files, and waits for no pipe", async () => {
    execFileSync("mkfifo", [join(directory, "pipe")]);
    await expect(nodeDisk.open(join(directory, "pipe"), "read")).rejects.toMatchObject({
      code: "ESPIPE",
      path: join(directory, "pipe"),
    });
    await expect(nodeDisk.open(directory, "read")).rejects.toMatchObject({ code: "EISDIR", path: directory });
    const link = join(directory, "link");
    await symlink(join(directory, "gone"), link);
    await expect(nodeDisk.open(link, "read")).rejects.toMatchObject({ code: "ENXIO", path: link });
    await expect(nodeDisk.open(join(directory, "gone"), "read")).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("writes through into a file of a length already, seen by every reader", async () => {
    const path = join(directory, "through");
    const file = await nodeDisk.open(path, "create");
    await file.write(0, Buffer.alloc(20));
    await file.sync();
    await file.writeThrough?.(5, Buffer.from("through"));
    expect((await file.read(0, 20)).toString("latin1")).toBe(`${"\0".repeat(5)}through${"\0".repeat(8)}`);
    expect((await readFile(path)).subarray(5, 12).toString()).toBe("through");
    await file.close();
    await expect(file.writeThrough?.(0, Buffer.from("x"))).rejects.toMatchObject({ code: "EBADF" });
  });

  it("opens beforehand what writing through in two places needs", async () => {
    const path = join(directory, "a");
    const file = await nodeDisk.open(path, "create");
    await file.prepareWriteThrough?.(2);
    await file.prepareWriteThrough?.(1);
    await file.write(0, Buffer.alloc(2 * 4_096));
    // By its name it could not be opened any more.
    await rm(path);
    await Promise.all([file.writeThrough?.(0, Buffer.from("x")), file.writeThrough?.(4_096, Buffer.from("y"))]);
    expect((await file.read(0, 1)).toString()).toBe("x");
    await file.close();
  });

  it("writes through in several places at once", async () => {
    const path = join(directory, "a");
    const file = await nodeDisk.open(path, "create");
    await file.write(0, Buffer.alloc(5 * 4_096));
    await file.sync();
    for (let round = 0; round < 20; round += 1) {
      const blocks = [0, 1, 2, 3, 4].map((block) => Buffer.alloc(4_096, 10 * round + block));
      await Promise.all(blocks.map((bytes, block) => file.writeThrough?.(block * 4_096, bytes)));
      expect(Buffer.concat(blocks).equals(await readFile(path)), `round ${round}`).toBe(true);
    }
    await file.close();
  });

  it("reads what was written, at any position", async () => {
    const file = await nodeDisk.open(join(directory, "a"), "create");
    await file.write(0, Buffer.from("hello"));
    await file.write(8, Buffer.from("world"));
    await file.sync();
    expect(await file.size()).toBe(13);
    expect((await file.read(0, 100)).toString("latin1")).toBe("hello\0\0\0world");
    expect((await file.read(13, 10)).length).toBe(0);
    await file.truncate(3);
    await file.truncate(5);
    await file.close();
    await file.close();
    expect(await readFile(join(directory, "a"), "latin1")).toBe("hel\0\0");
    await expect(file.read(0, 1)).rejects.toThrow();
    const again = await nodeDisk.open(join(directory, "a"), "write");
    await again.write(1, Buffer.from("a"));
    await again.close();
    expect(await readFile(join(directory, "a"), "latin1")).toBe("hal\0\0");
  });

  it("syncs a file that is open for reading, and may not be written to", async () => {
    const path = join(directory, "a");
    await writeFile(path, "copied", { mode: 0o400 });
    const file = await nodeDisk.open(path, "read");
    await file.sync();
    expect((await file.read(0, 10)).toString()).toBe("copied");
    await file.close();
    await expect(file.sync()).rejects.toMatchObject({ code: "EBADF", path });
  });

  it("keeps the directory's names", async () => {
    const deep = join(directory, "one/two/three");
    await nodeDisk.makeDirectory(deep);
    await nodeDisk.makeDirectory(deep);
    for (const name of ["b", "a", "c"]) await (await nodeDisk.open(join(deep, name), "create")).close();
    await writeFile(join(deep, "a"), "new");
    await nodeDisk.rename(join(deep, "a"), join(deep, "b"));
    await nodeDisk.remove(join(deep, "c"));
    await nodeDisk.remove(join(deep, "c"));
    await nodeDisk.syncDirectory(deep);
    expect(await nodeDisk.list(deep)).toEqual(["b"]);
    expect(await readFile(join(deep, "b"), "utf8")).toBe("new");
  });

  it("says which file it was, and why", async () => {
    const missing = join(directory, "missing");
    await expect(nodeDisk.open(missing, "read")).rejects.toMatchObject({ code: "ENOENT", path: missing });
    await expect(nodeDisk.open(missing, "write")).rejects.toMatchObject({ code: "ENOENT", path: missing });
    await expect(nodeDisk.list(missing)).rejects.toMatchObject({ code: "ENOENT", path: missing });
    await writeFile(missing, "now there");
    await expect(nodeDisk.open(missing, "create")).rejects.toMatchObject({ code: "EEXIST", path: missing });
    await expect(nodeDisk.makeDirectory(missing)).rejects.toMatchObject({ code: "EEXIST" });
    const readOnly = await nodeDisk.open(missing, "read");
    await expect(readOnly.write(0, Buffer.from("x"))).rejects.toMatchObject({ code: "EBADF", path: missing });
    await readOnly.close();
  });

  it.skipIf(!existsSync("/proc/self"))("rejects where no directory can be made, rather than try for ever", async () => {
    const impossible = { code: "ENOENT", path: "/proc/corral" };
    await expect(nodeDisk.makeDirectory("/proc/corral")).rejects.toMatchObject(impossible);
    await expect(nodeDisk.makeDirectory("/proc/corral/data")).rejects.toMatchObject(impossible);
  });

  it.skipIf(!existsSync("/dev/full"))("rejects when the disk is full", async () => {
    const full = await nodeDisk.open("/dev/full", "write");
    await expect(full.write(0, Buffer.from("x"))).rejects.toMatchObject({ code: "ENOSPC", path: "/dev/full" });
    await full.close();
  });
});

describe("a claimed directory", () => {
  it("is refused to other processes, and free again when its holder lets go or is killed", async () => {
    const first = new Claimant(directory);
    expect(await first.verdict).toBe("claimed");
    const second = new Claimant(directory);
    expect(await second.verdict).toBe("in use");
    await expect(nodeDisk.claimDirectory(directory)).rejects.toThrow(DirectoryInUseError);
    await first.release();
    expect(await readdir(directory)).toEqual([]);
    const third = new Claimant(directory);
    expect(await third.verdict).toBe("claimed");
    await third.kill();
    expect((await readdir(directory)).length).toBe(1);
    const claim = await nodeDisk.claimDirectory(directory);
    expect((await readdir(directory)).length).toBe(1);
    await claim.release();
    await claim.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it("stays claimed while its holder is stopped", async () => {
    const holder = new Claimant(directory);
    expect(await holder.verdict).toBe("claimed");
    await holder.freeze();
    await expect(nodeDisk.claimDirectory(directory)).rejects.toThrow(DirectoryInUseError);
    await holder.kill();
    await (await nodeDisk.claimDirectory(directory)).release();
  });

  it("goes to exactly one of many that start together, whatever the dead have left", async () => {
    for (let round = 0; round < 6; round += 1) {
      const together = Array.from({ length: 5 }, () => new Claimant(directory));
      const verdicts = await Promise.all(together.map(({ verdict }) => verdict));
      expect(verdicts.toSorted()).toEqual(["claimed", "in use", "in use", "in use", "in use"]);
      for (const claimant of together) await claimant.kill();
    }
  });

  it("goes to exactly one of many within a process", async () => {
    for (let round = 0; round < 10; round += 1) {
      await writeFile(join(directory, `.claim-000000000${round}-0000000${round}`), "left by the dead");
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => nodeDisk.claimDirectory(directory)));
      const claims = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      expect(claims.length).toBe(1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(DirectoryInUseError);
      }
      await claims[0]?.release();
    }
  });

  it("may have a path of any length, and leaves nothing behind", async () => {
    const long = join(directory, "a".repeat(120), "b".repeat(120));
    await mkdir(long, { recursive: true });
    const before = (await readdir(tmpdir())).filter((name) => /^corral-\w{6}$/.test(name));
    const holder = new Claimant(long);
    expect(await holder.verdict).toBe("claimed");
    await expect(nodeDisk.claimDirectory(long)).rejects.toThrow(DirectoryInUseError);
    await holder.kill();
    const claim = await nodeDisk.claimDirectory(long);
    await claim.release();
    expect(await readdir(long)).toEqual([]);
    expect((await readdir(tmpdir())).filter((name) => /^corral-\w{6}$/.test(name))).toEqual(before);
  });

  it("needs a directory that is there", async () => {
    await expect(nodeDisk.claimDirectory(join(directory, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
