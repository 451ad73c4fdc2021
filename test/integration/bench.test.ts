/** The bench does its work on our server: starts it, builds the tree, verifies every reply, prints, leaves nothing behind. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const bench = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "bench", "dist", "main.js");

test("a quick run of gets, sets, creates and deletes", async () => {
  const directory = await mkdtemp(join(tmpdir(), "corral-bench-test-"));
  try {
    const args = [bench, "--quick", "--no-peer", "--only", "/", "--data-dir", directory];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000 });
    for (const figure of ["create/delete 50x1", "get/set 90/10 50x1"]) {
      expect(stdout).toMatch(new RegExp(`^\\| ${figure} +\\| +[1-9][\\d,]* \\|`, "m"));
    }
    expect(await readdir(directory)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
