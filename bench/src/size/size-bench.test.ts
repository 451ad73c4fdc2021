import { expect, test } from "vitest";
import { type SizeRun, sizeTable } from "./size-bench.ts";

const run = (times: number): SizeRun => ({
  coldStartMs: 100 * times,
  emptyMiB: 50 * times,
  fillMs: 20_000 * times,
  filledMiB: 300 * times,
  restartMs: 2_000 * times,
  restartedMiB: 400 * times,
});

test("medians of each server, and the median of the ratios of neighbouring rounds", () => {
  const lines = sizeTable(1_000_000, [run(1), run(2), run(1)], [run(2), run(4), run(4)]).split("\n");
  expect(lines[2]).toMatch(/^\| cold start +\| +100 ms \| +400 ms \| 0\.50× \|$/);
  expect(lines[6]).toMatch(/^\| start after SIGKILL with 1,000,000 nodes \| +2\.00 s \| +8\.00 s \| 0\.50× \|$/);
});

test("without the peer its column is empty", () => {
  expect(sizeTable(10, [run(1)], []).split("\n")[3]).toMatch(/^\| memory, empty +\| +50 MiB \| +\| +\|$/);
});
