/** The example in the README of @corral/testing runs as it stands there, and prints what it says. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

test("the example runs on plain Node and prints what the README says", async () => {
  const readme = await readFile(join(root, "packages/testing/README.md"), "utf8");
  const block = (language: string) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(readme)?.[1] ?? "";
  // Below test/, so that the packages are found by name as in a project that has installed them.
  const directory = join(root, "test", "node_modules", `.testing-readme-${process.pid}`);
  await mkdir(directory, { recursive: true });
  try {
    const script = join(directory, "example.mjs");
    await writeFile(script, block("ts"));
    const { stdout, stderr } = await run(process.execPath, [script], { timeout: 60_000 });
    expect(stderr).toBe("");
    expect(stdout).toBe(block("text"));
    expect(stdout).not.toBe("");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
