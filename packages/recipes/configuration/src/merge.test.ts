import fc from "fast-check";
import { expect, test } from "vitest";
import { isGroup, merge } from "./merge.ts";

test.each<[string, unknown, unknown, unknown]>([
  ["nothing over something", { a: 1 }, {}, { a: 1 }],
  ["something over nothing", {}, { a: 1 }, { a: 1 }],
  ["at any depth", { a: { b: 1, c: 2 }, d: 3 }, { a: { c: 4 } }, { a: { b: 1, c: 4 }, d: 3 }],
  ["a member that says nothing", { a: 1 }, { a: undefined }, { a: 1 }],
  ["null says something", { a: { b: 1 } }, { a: null }, { a: null }],
  ["a list is whole", { a: [1, 2, 3] }, { a: [4] }, { a: [4] }],
  ["a group in place of a value", { a: 1 }, { a: { b: 2 } }, { a: { b: 2 } }],
  ["a value in place of a group", { a: { b: 2 } }, { a: 1 }, { a: 1 }],
  ["a date is a value", { a: new Date(0) }, { a: new Date(1) }, { a: new Date(1) }],
  ["bytes are a value", { a: Buffer.from("abc") }, { a: Buffer.from("d") }, { a: Buffer.from("d") }],
  ["nothing at all over all", { a: 1 }, undefined, { a: 1 }],
])("%s", (_, base, over, merged) => {
  expect(merge(base, over)).toEqual(merged);
});

test("a member called __proto__ or constructor is one like any other, and changes no prototype", () => {
  const merged = merge({ a: 1 }, JSON.parse('{"__proto__":{"polluted":true},"constructor":{"x":1}}')) as object;
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  expect(Object.keys(merged).sort()).toEqual(["__proto__", "a", "constructor"]);
  expect("polluted" in {}).toBe(false);
});

test("what is said stays, what is not is as before, and neither of the two is changed", () => {
  const group = fc.object({ maxDepth: 3, withBigInt: false });
  fc.assert(
    fc.property(group, group, (base, over) => {
      const before = structuredClone([base, over]);
      const once = merge(base, over);
      expect([base, over]).toEqual(before);
      expect(merge(once, over)).toEqual(once);
      expect(merge(base, {})).toEqual(base);
      expect(merge({}, over)).toEqual(merge(over, over));
    }),
  );
});

test("groups are plain objects", () => {
  const values = [{}, Object.create(null), [], null, undefined, 1, "a", new Date(), new Map(), Buffer.alloc(0)];
  expect(values.map(isGroup)).toEqual([true, true, ...Array(8).fill(false)]);
});
