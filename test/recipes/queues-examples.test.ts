/** The examples of the README and of the page about queues run on plain Node, as in a project of one's own. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TestServer } from "@corral/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
// Below test/, so that the packages are found by name.
const directory = join(root, "test", "node_modules", `.queues-examples-${process.pid}`);

beforeAll(async () => {
  await mkdir(directory, { recursive: true });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test.each([
  [
    "packages/recipes/queues/README.md",
    ["cat.jpg, delivery 1", "dog.jpg, delivery 1", "eel.jpg, delivery 1", "[ 'fox' ]"],
  ],
  ["docs/recipes/queues.md", ["balance 25", "true", "given up after 3 deliveries: no such account", "[ 0 ]"]],
])("%s", async (page, expected) => {
  await using server = await TestServer.start();
  const text = await readFile(join(root, page), "utf8");
  const [example] = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block ?? "");
  const script = join(directory, `${page.replaceAll("/", "-")}.mjs`);
  await writeFile(script, (example ?? "").replace("127.0.0.1:2181", server.connectString));
  const { stdout, stderr } = await run(process.execPath, [script], { timeout: 30_000 });
  expect(stdout.trim().split("\n")).toEqual(expected);
  expect(stderr).toBe("");
});
