import { expect, test } from "vitest";
import { type SizeRuns, sizeTable } from "./size-bench.ts";

const runs = (...all: number[]): SizeRuns => ({
  empty: all.map((times) => ({ coldStartMs: 100 * times, emptyMiB: 50 * times })),
  filled: all.map((times) => ({
    fillMs: 20_000 * times,
    filledMiB: 300 * times,
    restartMs: 2_000 * times,
    restartedMiB: 400 * times,
  })),
});

test("medians of each server, and the median of the ratios of neighbouring rounds", () => {
  const lines = sizeTable(1_000_000, runs(1, 2, 1), runs(2, 4, 4)).split("\n");
  expect(lines[2]).toMatch(/^\| cold start +\| +100 ms \| +400 ms \| 0\.50× \|$/);
  expect(lines[6]).toMatch(/^\| start after SIGKILL with 1,000,000 nodes \| +2\.00 s \| +8\.00 s \| 0\.50× \|$/);
});

test("without the peer its column is empty", () => {
  expect(sizeTable(10, runs(1), runs()).split("\n")[3]).toMatch(/^\| memory, empty +\| +50\.0 MiB \| +\| +\|$/);
});
