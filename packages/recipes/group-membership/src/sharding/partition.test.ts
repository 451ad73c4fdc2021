import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Owners, partition } from "./partition.ts";

const names = (prefix: string, max: number) =>
  fc.uniqueArray(
    fc.integer({ min: 0, max: 60 }).map((n) => `${prefix}${n}`),
    { maxLength: max, size: "max" },
  );
const shards = names("s", 40);
const members = fc.uniqueArray(
  fc.integer({ min: 0, max: 60 }).map((n) => `m${n}`),
  { minLength: 1, maxLength: 9 },
);
/** Anything that may have been: owners that have left, shards that are no more, uneven shares. */
const previous = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 })), { maxLength: 60, size: "max" })
  .map((pairs): Owners => new Map(pairs.map(([s, m]) => [`s${s}`, `m${m}`])));

function shares(owners: Owners, all: readonly string[]): number[] {
  return all.map((member) => [...owners.values()].filter((owner) => owner === member).length);
}

function moved(before: Owners, after: Owners): string[] {
  return [...after].filter(([shard, owner]) => before.get(shard) !== owner).map(([shard]) => shard);
}

describe("whatever was before", () => {
  test("each shard has one owner among the members, and the shares differ by one at most", () => {
    fc.assert(
      fc.property(shards, members, previous, (all, group, before) => {
        const owners = partition(all, group, before);
        expect([...owners.keys()].sort()).toEqual([...all].sort());
        for (const owner of owners.values()) expect(group).toContain(owner);
        const sizes = shares(owners, group);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("no division that is as even moves less", () => {
    fc.assert(
      fc.property(shards, members, previous, (all, group, before) => {
        const kept = all.length - moved(before, partition(all, group, before)).length;
        const held = group.map((member) => all.filter((shard) => before.get(shard) === member).length);
        expect(kept).toBe(mostThatCanStay(held, all.length));
      }),
    );
  });

  test("the order in which things are named does not matter", () => {
    fc.assert(
      fc.property(shards, members, previous, (all, group, before) => {
        const there = [...partition(all, group, before)].sort();
        const back = partition([...all, ...all].reverse(), [...group, ...group].reverse(), before);
        expect([...back].sort()).toEqual(there);
      }),
    );
  });

  test("what was divided stays divided as it is", () => {
    fc.assert(
      fc.property(shards, members, previous, (all, group, before) => {
        const owners = partition(all, group, before);
        expect([...partition(all, group, owners)].sort()).toEqual([...owners].sort());
      }),
    );
  });
});

describe("of what was divided evenly", () => {
  test("a newcomer gets its share, and nobody else gets anything", () => {
    fc.assert(
      fc.property(shards, members, (all, group) => {
        const before = partition(all, group);
        const after = partition(all, [...group, "newcomer"], before);
        const share = Math.floor(all.length / (group.length + 1));
        const changed = moved(before, after);
        for (const shard of changed) expect(after.get(shard)).toBe("newcomer");
        expect(changed.length).toBe(share);
      }),
    );
  });

  test("only what was the leaver's goes to others", () => {
    fc.assert(
      fc.property(shards, members, (all, group) => {
        fc.pre(group.length > 1);
        const before = partition(all, group);
        const [leaver, ...rest] = group;
        for (const shard of moved(before, partition(all, rest, before))) expect(before.get(shard)).toBe(leaver);
      }),
    );
  });
});

test("without members nobody has anything; without shards neither", () => {
  expect(partition(["a", "b"], []).size).toBe(0);
  expect(partition([], ["m"]).size).toBe(0);
});

/** The most shards that can stay where they are when they are divided evenly: by trying who gets one more. */
function mostThatCanStay(held: readonly number[], total: number): number {
  const even = Math.floor(total / held.length);
  const over = total % held.length;
  // Each who has more than the even share keeps one more if it gets one of the larger shares.
  const gains = held.filter((count) => count > even).length;
  return held.reduce((sum, count) => sum + Math.min(count, even), 0) + Math.min(gains, over);
}
