/** Short runs of `npm run fuzz` and `npm run soak`: they do their work, find nothing, and leave nothing behind. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const bench = join(import.meta.dirname, "..", "..", "bench", "dist");
const run = (command: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(bench, command, "main.js"), ...args], { timeout: 110_000 });

test("fuzz: every decoder, what is read from a disk, and a server over sockets", async () => {
  const { stdout } = await run("fuzz", "--inputs", "30000", "--frames", "3000");
  expect(stdout).toMatch(/^decoders: 30000 inputs, heap [\d.]+ MiB$/m);
  expect(stdout).toMatch(/^storage: 30000 inputs, heap [\d.]+ MiB$/m);
  expect(stdout).toMatch(/^server: [3-6]\d{3} frames sent, \d{4} taken, .* MiB resident$/m);
  expect(stdout).toMatch(/^fuzz: all is well$/m);
});

test("soak: sizes and latencies at intervals, and a verdict", async () => {
  const directory = await mkdtemp(join(tmpdir(), "corral-soak-test-"));
  try {
    const { stdout } = await run("soak", "--minutes", "0.05", "--intervals", "3", "--data-dir", directory);
    expect(stdout.match(/^ +\d+ +\d+ .*$/gm)).toHaveLength(3);
    expect(stdout).toMatch(/^soak: sizes and latencies are flat$/m);
    expect(await readdir(directory)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
