import { expect, test } from "vitest";
import { growth } from "./flatness.ts";

const series = (values: readonly number[]) => growth({ name: "memory", values, factor: 1.2, slack: 5 });

test("what warms up and then stays is flat, also with a peak", () => {
  expect(series([10, 60, 100, 101, 99, 100, 300, 102, 101])).toBeUndefined();
});

test("what goes on growing is told", () => {
  expect(series([10, 60, 100, 120, 140, 160, 180, 200, 220])).toBe(
    "memory grows: 140.0 in the middle third, 200.0 in the last",
  );
});

test("of a few numbers nothing is said", () => {
  expect(series([1, 10, 100, 1_000])).toBeUndefined();
});
