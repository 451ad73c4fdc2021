import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkDownPolicy, type DownPolicy, isDown, isForgotten, noFailures, noteFailure } from "./down-policy.ts";

const policy: DownPolicy = { failures: 3, withinMs: 100, forMs: 50 };
const after = (...failedMs: number[]) => failedMs.reduce((record, ms) => noteFailure(record, policy, ms), noFailures);

describe("three within 100 ms, for 50 ms", () => {
  test("takes it out with the third, not before, and lets it in again", () => {
    expect(isDown(after(0, 40), 40)).toBe(false);
    expect([80, 129, 130].map((ms) => isDown(after(0, 40, 80), ms))).toEqual([true, true, false]);
  });

  test("failures that are too far apart do not count together", () => {
    expect(isDown(after(0, 50, 100), 100)).toBe(false);
    expect(isDown(after(0, 50, 100, 120), 120)).toBe(true);
  });

  test("one that is out stays out no longer for failing more, and begins afresh then", () => {
    const record = after(0, 1, 2, 10, 20, 30);
    expect(isDown(record, 51)).toBe(true);
    expect(isDown(record, 52)).toBe(false);
    // Those from before it came back do not count again.
    expect(isDown(noteFailure(record, policy, 60), 60)).toBe(false);
    expect(
      isDown(
        [60, 61, 62].reduce((r, ms) => noteFailure(r, policy, ms), record),
        62,
      ),
    ).toBe(true);
  });

  test("what is long ago is forgotten", () => {
    const record = after(0, 1, 2);
    expect(isForgotten(record, policy, 60)).toBe(false);
    expect(isForgotten(record, policy, 102)).toBe(true);
  });
});

test("it is down only if so many failures lie within the time before", () => {
  const gaps = fc.array(fc.nat(120), { maxLength: 30, size: "max" });
  fc.assert(
    fc.property(gaps, (of) => {
      let nowMs = 0;
      let record = noFailures;
      const all: number[] = [];
      for (const gap of of) {
        nowMs += gap;
        const wasDown = isDown(record, nowMs);
        record = noteFailure(record, policy, nowMs);
        all.push(nowMs);
        const recent = all.filter((ms) => nowMs - ms < policy.withinMs).length;
        if (!wasDown && isDown(record, nowMs)) expect(recent).toBeGreaterThanOrEqual(policy.failures);
        expect(record.failedMs.length).toBeLessThanOrEqual(policy.failures);
      }
    }),
  );
});

test.each([{ failures: 0 }, { failures: 1.5 }, { withinMs: 0 }, { forMs: -1 }])("%j is no policy", (wrong) => {
  expect(() => checkDownPolicy({ ...policy, ...wrong })).toThrow(RangeError);
});
