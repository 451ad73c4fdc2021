import { expect, test } from "vitest";
import type { Recipe } from "./figures.ts";
import type { Turnover } from "./holdings.ts";
import { failOverTable, handOverTable, type RecipeRow } from "./report.ts";

const run = (perSecond: number, p50: number): Turnover => ({ perSecond, gapMs: { p50, p99: 2 * p50 } });
const ours: Recipe = { name: "Corral", library: "Corral", recipe: "mutex" };
const latch: Recipe = { name: "LeaderLatch", library: "Curator", recipe: "latch" };
const kazoo: Recipe = { name: "kazoo", library: "kazoo", recipe: "election" };

test("hand-overs a second, and ours to the others'", () => {
  const runs = new Map([
    [ours, [run(3000, 0.5), run(2000, 0.5)]],
    [kazoo, [run(1000, 1), run(1000, 1)]],
  ]);
  expect(handOverTable([{ figure: "mutex 10", kind: "hand-over", server: "Apache", runs }])).toBe(
    [
      "| figure   | server | Corral /s | p50 ms | p99 ms | kazoo /s | p50 ms | p99 ms | to kazoo |",
      "| -------- | -----: | --------: | -----: | -----: | -------: | -----: | -----: | -------: |",
      "| mutex 10 | Apache |     2,500 |   0.50 |   1.00 |    1,000 |   1.00 |   2.00 |    2.50× |",
    ].join("\n"),
  );
});

test("times to fail over, of whoever was measured", () => {
  const rows: RecipeRow[] = [
    { figure: "resigns", kind: "fail-over", server: "A", runs: new Map([[ours, [run(9, 1)]]]) },
    {
      figure: "is killed",
      kind: "kill",
      server: "A",
      runs: new Map([
        [ours, [run(1, 4000)]],
        [latch, [run(1, 5000)]],
      ]),
    },
  ];
  expect(failOverTable(rows)).toBe(
    [
      "| figure    | server | Corral p50 ms | p99 ms | LeaderLatch p50 ms | p99 ms | to LeaderLatch |",
      "| --------- | -----: | ------------: | -----: | -----------------: | -----: | -------------: |",
      "| resigns   |      A |          1.00 |   2.00 |                    |        |                |",
      "| is killed |      A |         4,000 |  8,000 |              5,000 | 10,000 |          0.80× |",
    ].join("\n"),
  );
});
