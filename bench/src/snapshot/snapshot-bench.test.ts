import { expect, test } from "vitest";
import { snapshotTable } from "./snapshot-bench.ts";

test("a line for each run: with nothing in the last columns where no snapshot was taken, or the system does not tell", () => {
  const measured = { operationsPerSecond: 12_345.6, latencyMs: { p50: 1, p99: 10, max: 20 } };
  const lines = snapshotTable([
    { withSnapshots: false, measured, stall: { stallMs: 9, computedMs: Number.NaN }, snapshotsMs: [] },
    { withSnapshots: true, measured, stall: { stallMs: 12, computedMs: 7 }, snapshotsMs: [900, 1_200] },
  ]).split("\n");
  expect(lines[2]).toMatch(/^\| without +\| 12,346 \| +1\.00 \| +10\.00 \| +20\.0 \| +9\.0 \| +\| +0 \| +\|$/);
  expect(lines[3]).toMatch(/^\| with +\| 12,346 \| +1\.00 \| +10\.00 \| +20\.0 \| +12\.0 \| +7\.0 \| +2 \| +1\.2 \|$/);
});
