import { expect, test } from "vitest";
import { Histogram } from "./latencies.ts";

const of = (...values: readonly number[]): Histogram => {
  const histogram = new Histogram([1, 10, 100]);
  for (const value of values) histogram.add(value);
  return histogram;
};

test("nothing has no extent", () => {
  expect(of()).toMatchObject({ count: 0, sum: 0, min: 0, max: 0 });
  expect(of().quantile(0.5)).toBe(0);
});

test("a quantile is its bucket's bound, and never more than the greatest value", () => {
  const histogram = of(0.5, 0.5, 5, 50, 500);
  expect(histogram).toMatchObject({ count: 5, min: 0.5, max: 500, counts: [2, 1, 1, 1] });
  expect([0.2, 0.4, 0.5, 0.6, 0.8, 0.81, 1].map((share) => histogram.quantile(share))).toEqual([
    1, 1, 10, 10, 100, 500, 500,
  ]);
  expect(of(3, 4).quantile(0.99)).toBe(4);
});

test("what was above a bound", () => {
  const histogram = of(1, 10, 10.5, 101);
  expect([1, 10, 100].map((bound) => histogram.countAbove(bound))).toEqual([3, 2, 1]);
  expect(() => histogram.countAbove(7)).toThrow("7 is a bound");
});

test("two together are as one that has seen it all", () => {
  const together = of();
  for (const part of [of(), of(7, 70), of(), of(0.7, 700)]) together.merge(part);
  expect(together).toEqual(of(7, 70, 0.7, 700));
});
