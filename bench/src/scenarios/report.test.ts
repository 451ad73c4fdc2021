import { expect, test } from "vitest";
import { scenarioTable } from "./report.ts";
import type { Scenario } from "./scenarios.ts";

const lock: Scenario = { name: "lock 3", kind: "lock", connections: 3, unit: "hand-overs/s", better: "higher" };
const watchers: Scenario = {
  name: "watchers 9 on 3",
  kind: "watchers",
  connections: 3,
  watchers: 9,
  unit: "ms to the last",
  better: "lower",
};

test("each row has its unit, and says which way the ratio is good", () => {
  const rows = [
    { scenario: lock, ours: [2_000, 3_000, 4_000], theirs: [1_000, 1_000, 1_000], ceiling: [] },
    { scenario: watchers, ours: [50], theirs: [100], ceiling: [20] },
  ];
  expect(scenarioTable(rows)).toBe(
    [
      "| figure          |           unit | Corral | Apache | ratio |    good | ceiling |",
      "| --------------- | -------------: | -----: | -----: | ----: | ------: | ------: |",
      "| lock 3          |   hand-overs/s |  3,000 |  1,000 | 3.00× | above 1 |         |",
      "| watchers 9 on 3 | ms to the last |   50.0 |  100.0 | 0.50× | below 1 |    20.0 |",
    ].join("\n"),
  );
});

test("without the peer its columns are left out", () => {
  expect(scenarioTable([{ scenario: lock, ours: [10], theirs: [], ceiling: [] }]).split("\n")[2]).toBe(
    "| lock 3 | hand-overs/s |   10.0 |",
  );
});
