import { expect, test } from "vitest";
import { hindrance } from "./descriptors.ts";
import type { Scenario } from "./scenarios.ts";

const scenario: Scenario = { name: "lock 100", kind: "lock", connections: 100, unit: "hand-overs/s", better: "higher" };

test("a limit that is too low is told, with what it would take", () => {
  expect(hindrance(scenario, 599)).toBe(
    "lock 100 is left out: it takes 600 descriptors, and the limit is 599 (ulimit -n).",
  );
});

test("a limit that is just enough, or is not known, hinders nobody", () => {
  expect(hindrance(scenario, 600)).toBe(undefined);
  expect(hindrance({ ...scenario, connections: 1 })).toBe(undefined);
});
