/** The examples of the client's pages run as they stand there, on plain Node, and print what the pages say. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
// Below test/, so that the packages are found by name as in a project that has installed them.
const directory = join(root, "test", "node_modules", `.client-docs-${process.pid}`);

beforeAll(async () => {
  await mkdir(join(directory, "node_modules"), { recursive: true });
  await symlink(join(root, "packages/client/node_modules/zod"), join(directory, "node_modules/zod"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test.each([
  "packages/client/README.md",
  "docs/client/connecting.md",
  "docs/client/operations.md",
  "docs/client/observing.md",
  "docs/client/typed-nodes.md",
])("%s", async (page) => {
  const text = await readFile(join(root, page), "utf8");
  const block = (language: string) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(text)?.[1] ?? "";
  const script = join(directory, `${page.replaceAll("/", "-")}.mjs`);
  await writeFile(script, block("ts"));
  const { stdout, stderr } = await run(process.execPath, [script], { timeout: 60_000 });
  expect(stderr).toBe("");
  expect(stdout).toBe(block("text"));
  expect(stdout).not.toBe("");
});
