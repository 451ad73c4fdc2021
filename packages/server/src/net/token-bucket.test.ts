import { expect, test } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

test("so many at once, and more as time goes by, never more than it holds", () => {
  const bucket = new TokenBucket({ capacity: 3, refillMs: 10, refillCount: 2, nowMs: 100 });
  expect([1, 2, 3, 4].map(() => bucket.take(100))).toEqual([true, true, true, false]);
  expect(bucket.take(109)).toBe(false);
  expect([1, 2, 3].map(() => bucket.take(110))).toEqual([true, true, false]);
  expect(bucket.used(110)).toBe(3);
  expect(bucket.used(119)).toBe(3);
  expect(bucket.used(121)).toBe(1);
  expect(bucket.used(10_000)).toBe(0);
});

test("one that holds nothing refuses nobody", () => {
  const bucket = new TokenBucket({ capacity: 0, refillMs: 1, refillCount: 1, nowMs: 0 });
  expect(Array.from({ length: 1_000 }, () => bucket.take(0))).not.toContain(false);
  expect(bucket.used(0)).toBe(0);
});
