import { expect, test } from "vitest";
import { type Holding, inOrder, turnover } from "./holdings.ts";

const held = (contender: string, fromMs: number, untilMs: number): Holding => ({ contender, fromMs, untilMs });

test("holdings of several processes are put in order", () => {
  const [a, b, c] = [held("a", 0, 1), held("b", 2, 3), held("c", 3, 5)];
  expect(inOrder([c, a, b], 3)).toEqual([a, b, c]);
});

test("two that hold at once void the run", () => {
  expect(() => inOrder([held("b", 4, 6), held("a", 0, 5)], 2)).toThrow("b began to hold 1 ms before a ended");
});

test("somebody who never held voids the run", () => {
  expect(() => inOrder([held("a", 0, 1), held("b", 2, 3)], 3)).toThrow("2 of 3 contenders ever held");
});

test("the gaps between one holder and the next count, after the warm-up and within the time", () => {
  const before = [held("a", 0, 10), held("b", 900, 910)];
  const measured = [held("a", 1000, 1100), held("b", 1102, 1200), held("a", 1206, 1300), held("b", 1400, 1450)];
  const after = [held("a", 2500, 2600)];
  const { perSecond, gapMs } = turnover([...before, ...measured, ...after], 1, 1);
  expect(perSecond).toBeCloseTo(7.5);
  expect(gapMs).toEqual({ p50: 6, p99: 100 });
});

test("whoever holds twice in a row hands nothing over, unless it is alone", () => {
  const twice = [held("a", 0, 10), held("a", 20, 30), held("b", 35, 40)];
  expect(turnover(twice, 0, 1).gapMs).toEqual({ p50: 5, p99: 5 });
  expect(turnover(twice.slice(0, 2), 0, 1)).toEqual({ perSecond: 50, gapMs: { p50: 10, p99: 10 } });
});

test("a time in which nothing is handed over is no measurement", () => {
  expect(() => turnover([held("a", 0, 10), held("b", 20, 30)], 5, 1)).toThrow("nothing was handed over");
});
