import fc from "fast-check";
import { expect, test } from "vitest";
import { bySeniority, type Member, memberChanges } from "./member.ts";

const member = (name: string, token: number, updated: number): Member<number> => ({
  name,
  data: updated,
  sessionId: 1n,
  sinceMs: 0,
  fencingToken: BigInt(token),
  updatedZxid: BigInt(updated),
});

const groups = fc
  .uniqueArray(
    fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 })),
    {
      selector: ([name]) => name,
    },
  )
  .map((parts) => bySeniority(parts.map(([name, token, updated]) => member(`m${name}`, token, updated))));

test("changes lead from one view to the next, and name nobody else", () => {
  fc.assert(
    fc.property(groups, groups, (before, after) => {
      const { joined, left, updated } = memberChanges(before, after);
      const there = new Map(before.map((one) => [one.name, one]));
      for (const one of left) expect(there.delete(one.name)).toBe(true);
      for (const one of joined) {
        expect(there.has(one.name)).toBe(false);
        there.set(one.name, one);
      }
      for (const one of updated) {
        expect(there.get(one.name)?.updatedZxid).not.toBe(one.updatedZxid);
        there.set(one.name, one);
      }
      expect(bySeniority(there.values())).toEqual(after);
    }),
  );
});

test("who left and came back is in both, whatever its data", () => {
  expect(memberChanges([member("a", 1, 1)], [member("a", 2, 1)])).toMatchObject({
    joined: [{ fencingToken: 2n }],
    left: [{ fencingToken: 1n }],
    updated: [],
  });
});
