/** The README's quickstart does what the README says it does: extracted, type-checked and run as a user would run it. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
// Below test/, so that the packages are found by name as in a project that has installed them.
const directory = join(root, "test", "node_modules", `.quickstart-${process.pid}`);
const program = join(directory, "quickstart.mts");

let quickstart = "";
let printed = "";

beforeAll(async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const block = (language: string) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(readme)?.[1] ?? "";
  quickstart = block("ts");
  printed = block("text");
  await mkdir(directory, { recursive: true });
  await writeFile(program, quickstart);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("it has some twenty lines", () => {
  const lines = quickstart.split("\n").length - 1;
  expect(lines).toBeGreaterThan(10);
  expect(lines).toBeLessThanOrEqual(20);
});

test("its types are right", async () => {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--types",
    "node",
  ];
  const complaint = await run(process.execPath, [compiler, "--ignoreConfig", ...flags, program]).then(
    () => "",
    (error: { stdout: string }) => error.stdout,
  );
  expect(complaint).toBe("");
});

test("it runs on plain Node and prints what the README says", async () => {
  // Nothing in it is TypeScript's alone, so it is JavaScript too, which Node 20 runs without a compiler.
  const script = join(directory, "quickstart.mjs");
  await writeFile(script, quickstart);
  const { stdout, stderr } = await run(process.execPath, [script], { timeout: 30_000 });
  expect(printed).not.toBe("");
  expect(stdout).toBe(printed);
  expect(stderr).toBe("");
});
