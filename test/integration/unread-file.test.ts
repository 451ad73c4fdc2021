/** Whether a file was read, as a real file system tells: what is safe to cut from its end (ADR 0013). */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { link, mkdtemp, open, readFile, rm, stat, statfs, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodeDisk } from "@corral/io";
import { afterEach, beforeEach, expect, it } from "vitest";

const run = promisify(execFile);
const isLinux = process.platform === "linux";
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-unread-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function make(name: string): Promise<string> {
  const path = join(directory, name);
  const file = await nodeDisk.open(path, "create");
  await file.write(0, Buffer.alloc(10_000, 1));
  await file.sync();
  await file.close();
  // Times of files go on by milliseconds: whoever reads it now leaves another one than that of its birth.
  const { birthtimeNs } = await stat(path, { bigint: true });
  const clock = `${path}.clock`;
  do await writeFile(clock, "x");
  while ((await stat(clock, { bigint: true })).mtimeNs <= birthtimeNs);
  return path;
}

async function isUnread(path: string): Promise<boolean | undefined> {
  const file = await nodeDisk.open(path, "write");
  return file.isUnread?.().finally(() => file.close());
}

async function readByServer(path: string, mode: "read" | "write"): Promise<void> {
  const file = await nodeDisk.open(path, mode);
  expect((await file.read(0, 20_000)).length).toBe(10_000);
  await file.close();
}

/** Whether the directory's file system shows that a file was read, by all who read it. */
async function tells(): Promise<boolean> {
  const path = join(directory, "probe");
  await writeFile(path, "x");
  await utimes(path, 1, 1);
  await readFile(path);
  const overlay = 0x794c_7630;
  return (await stat(path)).atimeMs !== 1_000 && (await statfs(directory)).type !== overlay;
}

it("a file that nobody reads is told from one that is being read, or has another name", async () => {
  const [alone, linked, read, renamed] = await Promise.all(["alone", "linked", "read", "renamed"].map(make));
  // On a disk that does not say when a file was read, nobody knows.
  const isTold = await tells();
  expect(await isUnread(alone as string)).toBe(isTold);
  expect(await isUnread(alone as string), "it was read to see whether that shows").toBe(false);
  await link(linked as string, join(directory, "other"));
  expect(await isUnread(linked as string)).toBe(false);
  const target = await make("target");
  await symlink(target, join(directory, "symbolic"));
  expect(await isUnread(join(directory, "symbolic")), "what a link leads to is somebody else's").toBe(false);
  expect(await isUnread(target)).toBe(isTold);
  const reader = await open(read as string);
  await reader.read(Buffer.alloc(1), 0, 1, 0);
  expect(await isUnread(read as string)).toBe(false);
  await reader.close();
  await nodeDisk.rename(renamed as string, join(directory, "renamed.tmp"));
  expect(await isUnread(join(directory, "renamed.tmp"))).toBe(isTold);
});

it.skipIf(!isLinux).each(["read", "write"] as const)("the server's own reading does not count (%s)", async (mode) => {
  const path = await make("own");
  const before = await stat(path, { bigint: true });
  await readByServer(path, mode);
  expect((await stat(path, { bigint: true })).atimeNs).toBe(before.atimeNs);
  expect(await isUnread(path)).toBe(await tells());
});

it.skipIf(process.platform === "win32")(
  "a file of somebody else, which nobody may read without a trace, is read",
  async () => {
    const { stdout } = await run(process.execPath, [processes("read-of-others.mjs"), "/etc/passwd"]);
    expect(JSON.parse(stdout)).toEqual({ withoutTrace: isLinux ? "EPERM" : "none", isWhole: true });
  },
);

/** Runs what follows where an overlay is mounted as `m`, for this one process. */
const onOverlay = [
  "-m",
  "sh",
  "-c",
  'mkdir l u w m && mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m && "$@"',
  "-",
];

function canMount(): boolean {
  const cwd = mkdtempSync(join(tmpdir(), "corral-overlay-"));
  const { status } = spawnSync("unshare", [...onOverlay, "true"], { cwd });
  rmSync(cwd, { recursive: true });
  return status === 0;
}

it.skipIf(!canMount())("on an overlay, where `cp` leaves no trace, nobody knows", async () => {
  const args = [...onOverlay, process.execPath, processes("unread.mjs"), "m/file"];
  const { stdout } = await run("unshare", args, { cwd: directory });
  expect(JSON.parse(stdout)).toEqual({ isUnread: false });
});

function processes(name: string): string {
  return fileURLToPath(new URL(`./processes/${name}`, import.meta.url));
}
