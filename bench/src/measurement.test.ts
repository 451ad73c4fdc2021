import { expect, test } from "vitest";
import { type Measurement, median, ratio, summary } from "./measurement.ts";

function run(operationsPerSecond: number, serverCpuUs?: number): Measurement {
  const latencyMs = { p50: operationsPerSecond / 10, p99: 2, max: 3 };
  return { operationsPerSecond, latencyMs, serverCpuUs, driverCpuPercent: undefined };
}

test.each([
  [[3], 3],
  [[3, 1], 2],
  [[9, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
])("the median of %j is %d", (values, expected) => expect(median(values)).toBe(expected));

test("a summary takes the median of each part by itself", () => {
  const whole = summary([run(100, 5), run(300), run(200, 7)]);
  expect(whole).toEqual({ ...run(200), serverCpuUs: 6 });
});

test("a ratio is the median of ratios within a round, not the ratio of medians", () => {
  const ours = [run(100), run(10), run(90)];
  const theirs = [run(50), run(5), run(30)];
  expect(ratio(ours, theirs, (one) => one.operationsPerSecond)).toBe(2);
});

test("without a pair there is no ratio", () => {
  expect(ratio([run(1)], [], (one) => one.operationsPerSecond)).toBeUndefined();
  expect(ratio([run(1, 5)], [run(1)], (one) => one.serverCpuUs)).toBeUndefined();
  expect(ratio([run(1, 5)], [run(1, 0)], (one) => one.serverCpuUs)).toBeUndefined();
});
