/** Which of its two forms `corral-server` runs: the one file, unless something that it is made of was compiled later. */
import { cp, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const program = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "packages", "server", "bin", "program.js");

let packages = "";
beforeEach(async () => {
  packages = await mkdtemp(join(tmpdir(), "corral bundle "));
  await mkdir(join(packages, "server", "bin"), { recursive: true });
  await writeFile(join(packages, "package.json"), JSON.stringify({ type: "module" }));
  await cp(program, join(packages, "server", "bin", "program.js"));
});
afterEach(() => rm(packages, { recursive: true, force: true }));

async function made(file: string, seconds: number): Promise<string> {
  const path = join(packages, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "");
  await utimes(path, seconds, seconds);
  return path;
}

async function chosen(): Promise<{ runs: string; isBundled: (others?: readonly string[]) => boolean }> {
  const copy = (await import(pathToFileURL(join(packages, "server", "bin", "program.js")).href)) as {
    program(): URL;
    isBundled(others?: readonly string[]): boolean;
  };
  return { runs: fileURLToPath(copy.program()).slice(packages.length + 1), isBundled: copy.isBundled };
}

const modules = join("server", "dist", "command", "main.js");
const bundle = join("server", "bundle", "main.js");

test("as it is installed, where nothing says when it was compiled, the one file runs", async () => {
  await made(bundle, 100);
  expect((await chosen()).runs).toBe(bundle);
});

test("without the one file its modules do", async () => {
  await made("server/dist/.tsbuildinfo", 100);
  expect((await chosen()).runs).toBe(modules);
});

test.each(["server", "io", "protocol"])("what %s has compiled later runs", async (name) => {
  await made(bundle, 100);
  for (const other of ["server", "io", "protocol"]) await made(`${other}/dist/.tsbuildinfo`, 99);
  expect((await chosen()).runs).toBe(bundle);
  await made(`${name}/dist/.tsbuildinfo`, 101);
  expect((await chosen()).runs).toBe(modules);
});

test("what makes the one file can be newer, too", async () => {
  await made(bundle, 100);
  const { isBundled } = await chosen();
  expect([isBundled([await made("script.mjs", 99)]), isBundled([await made("script.mjs", 101)])]).toEqual([
    true,
    false,
  ]);
});
