import { link, lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type IfThere, requireRoom, writeDumpFile } from "./dump-file.ts";

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-dump-file-"));
  file = join(directory, "dump");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Two pieces, and what happens between them. */
async function* textWith(between: () => Promise<unknown>): AsyncGenerator<string> {
  yield "a";
  await between();
  yield "b\n";
}

const noLinks = () => Promise.reject(Object.assign(new Error("no links here"), { code: "EPERM" }));

describe.each([
  ["links", link],
  ["no links", noLinks],
] as const)("where there are %s", (_what, makeLink) => {
  test("a new file is there when it is whole, for its owner alone", async () => {
    const before = textWith(async () =>
      expect(await readdir(directory)).toEqual([expect.stringMatching(/^dump\..*tmp$/)]),
    );
    await writeDumpFile(before, file, "refuse", makeLink);
    expect(await readFile(file, "utf8")).toBe("ab\n");
    expect((await lstat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(["dump"]);
  });

  test("of two that are written at once, the first one that is whole stays", async () => {
    const both = textWith(() =>
      writeDumpFile(
        textWith(async () => undefined),
        file,
        "refuse",
        makeLink,
      ),
    );
    await expect(writeDumpFile(both, file, "refuse", makeLink)).rejects.toMatchObject({ code: "not-empty" });
    expect(await readFile(file, "utf8")).toBe("ab\n");
    expect(await readdir(directory)).toEqual(["dump"]);
  });

  test("a link to nowhere that comes meanwhile stays", async () => {
    for (const ifThere of ["refuse", "overwrite"] satisfies IfThere[]) {
      const text = textWith(() => symlink("nowhere", file));
      await expect(writeDumpFile(text, file, ifThere, makeLink)).rejects.toThrow("is not a regular file");
      expect(await readdir(directory)).toEqual(["dump"]);
      await rm(file);
    }
  });
});

test("a file that comes between the last look and the new name stays", async () => {
  for (const failure of ["EEXIST", "EPERM"]) {
    const lateLink = async () => {
      await writeFile(file, "of somebody else");
      throw Object.assign(new Error("late"), { code: failure });
    };
    const written = writeDumpFile(
      textWith(async () => undefined),
      file,
      "refuse",
      lateLink,
    );
    await expect(written).rejects.toMatchObject({ code: "not-empty" });
    expect(await readFile(file, "utf8")).toBe("of somebody else");
    expect(await readdir(directory)).toEqual(["dump"]);
    await rm(file);
  }
});

test("when it breaks off, the file that was to be replaced is as it was", async () => {
  await writeFile(file, "of yesterday");
  const text = textWith(() => Promise.reject(new Error("gone")));
  await expect(writeDumpFile(text, file, "overwrite")).rejects.toThrow("gone");
  expect(await readFile(file, "utf8")).toBe("of yesterday");
  expect(await readdir(directory)).toEqual(["dump"]);
});

test("what is in the way is told before anything is written", async () => {
  await requireRoom(file, "refuse");
  await expect(requireRoom(directory, "overwrite")).rejects.toThrow("is not a regular file");
  await writeFile(file, "of yesterday");
  await requireRoom(file, "overwrite");
  await expect(requireRoom(file, "refuse")).rejects.toMatchObject({ code: "not-empty" });
  await expect(
    writeDumpFile(
      textWith(async () => undefined),
      join(file, "x"),
      "refuse",
    ),
  ).rejects.toThrow(/x cannot be written: ENOTDIR/);
});

test("what cannot be looked at is told before anything is read", async () => {
  await writeFile(file, "a file, not a directory");
  await expect(requireRoom(join(file, "dump"), "refuse")).rejects.toThrow(/cannot be written: ENOTDIR/);
});
