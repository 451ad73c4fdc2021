import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findTexts } from "./find-texts.ts";

const never = new AbortController().signal;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "corral-find-texts-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const write = (path: string, content: string | Uint8Array) => writeFileSync(join(directory, path), content);
const pathsOf = (found: readonly { path: string }[]) => found.map(({ path }) => path);

it("finds text at any depth, whatever its name, in order", async () => {
  mkdirSync(join(directory, "b/c"), { recursive: true });
  write("b/c/deep.md", "deep");
  write("zero", "");
  write("a.txt", "with\r\nWindows\r\nline ends");
  const { texts, skipped } = await findTexts(directory, never);
  expect(pathsOf(texts)).toEqual(["a.txt", "b/c/deep.md", "zero"]);
  expect(texts[1]?.bytes).toBe(4);
  expect(skipped).toEqual([]);
});

it("passes over what is not text, and says why", async () => {
  write("a.txt", "text");
  write("nul.bin", Uint8Array.of(104, 0, 105));
  write("latin1.txt", Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
  write("late.bin", new Uint8Array(600_000).fill(97).fill(255, 599_999));
  const { texts, skipped } = await findTexts(directory, never);
  expect(pathsOf(texts)).toEqual(["a.txt"]);
  expect(skipped).toEqual([
    { path: "late.bin", reason: "it is not UTF-8" },
    { path: "latin1.txt", reason: "it is not UTF-8" },
    { path: "nul.bin", reason: "it holds a NUL byte" },
  ]);
});

it("takes a character cut by a buffer's end for what it is", async () => {
  write("long.txt", `a${"é".repeat(400_000)}`);
  expect((await findTexts(directory, never)).texts).toHaveLength(1);
});

it("follows links to files, not those to directories", async () => {
  write("a.txt", "text");
  symlinkSync("a.txt", join(directory, "link.txt"));
  symlinkSync(".", join(directory, "circle"));
  expect(pathsOf((await findTexts(directory, never)).texts)).toEqual(["a.txt", "link.txt"]);
});

it("says one sentence about a missing, an empty and a textless directory", async () => {
  await expect(findTexts(join(directory, "none"), never)).rejects.toThrow(/none cannot be used: it does not exist/);
  await expect(findTexts(directory, never)).rejects.toThrow(/holds no files/);
  write("nul.bin", Uint8Array.of(0));
  await expect(findTexts(directory, never)).rejects.toThrow(
    /Nothing below .* is UTF-8 text \(1 file is not text: nul\.bin: it holds a NUL byte\)/,
  );
  await expect(findTexts(join(directory, "nul.bin"), never)).rejects.toThrow(/is not a directory/);
});

it("passes over links that lead nowhere, and says so", async () => {
  write("a.txt", "text");
  symlinkSync("nowhere", join(directory, "dangling.txt"));
  symlinkSync("a.txt/below", join(directory, "through-a-file"));
  symlinkSync("itself", join(directory, "itself"));
  const { texts, skipped } = await findTexts(directory, never);
  expect(pathsOf(texts)).toEqual(["a.txt"]);
  expect(skipped).toEqual([
    { path: "dangling.txt", reason: "it is a link that leads nowhere" },
    { path: "itself", reason: "it is a link that leads nowhere" },
    { path: "through-a-file", reason: "it is a link that leads nowhere" },
  ]);
});

it.runIf(process.platform === "linux")("names the file that cannot be read", async () => {
  write("a.txt", "text");
  // No permission keeps root from reading, but this does: nothing is mapped where the file begins.
  symlinkSync("/proc/self/mem", join(directory, "broken.txt"));
  await expect(findTexts(directory, never)).rejects.toThrow(/broken\.txt cannot be read: the disk reports an error/);
});

it("refuses more files than one run takes", async () => {
  write("a.txt", "text");
  write("b.txt", "text");
  await expect(findTexts(directory, never, 1)).rejects.toThrow(/More than 1 files/);
});

it("stops when it is told to", async () => {
  write("a.txt", "text");
  await expect(findTexts(directory, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
});
