import fc from "fast-check";
import { expect, test } from "vitest";
import { planHistory } from "./history.ts";
import { limits } from "./limits.ts";

test.each([
  [
    "the first edit keeps what was there before",
    { kept: [], replaced: 0, keep: 20 },
    { addsReplaced: true, forgotten: [] },
  ],
  ["the next adds itself", { kept: [0, 1], replaced: 1, keep: 20 }, { addsReplaced: false, forgotten: [] }],
  ["the oldest is forgotten", { kept: [1, 2, 3], replaced: 3, keep: 3 }, { addsReplaced: false, forgotten: [1] }],
  [
    "two of them, when two are added",
    { kept: [1, 2, 3], replaced: 5, keep: 3 },
    { addsReplaced: true, forgotten: [1, 2] },
  ],
  ["whatever their order", { kept: [3, 1, 2], replaced: 3, keep: 2 }, { addsReplaced: false, forgotten: [1, 2] }],
  ["not what is replaced", { kept: [1, 2], replaced: 1, keep: 2 }, { addsReplaced: false, forgotten: [2] }],
])("%s", (_, view, plan) => {
  expect(planHistory(view)).toEqual(plan);
});

test("what is too much by far is forgotten bit by bit", () => {
  const kept = Array.from({ length: 1_000 }, (_, i) => i);
  const { forgotten } = planHistory({ kept, replaced: 999, keep: 2 });
  expect(forgotten).toEqual(kept.slice(0, limits.forgetAtOnce));
});

test("edit after edit, as many are kept as were asked for, the newest of them", () => {
  const keep = fc.integer({ min: 2, max: 10 });
  const isOutside = fc.array(fc.boolean(), { maxLength: 30, size: "max" });
  fc.assert(
    fc.property(keep, isOutside, (most, writes) => {
      let kept: number[] = [];
      let version = 0;
      for (const outside of writes) {
        version++;
        if (outside) continue;
        const { addsReplaced, forgotten } = planHistory({ kept, replaced: version - 1, keep: most });
        if (addsReplaced) kept.push(version - 1);
        kept = [...kept, version].filter((one) => !forgotten.includes(one));
        expect(kept.length).toBeLessThanOrEqual(most);
        expect(kept).toEqual([...kept].sort((a, b) => a - b));
        expect(kept.slice(-2)).toEqual([version - 1, version]);
      }
    }),
  );
});
