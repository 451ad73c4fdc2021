import fc from "fast-check";
import { expect, test } from "vitest";
import { type Difference, diff } from "./diff.ts";
import { isGroup } from "./merge.ts";

test.each<[string, unknown, unknown, Difference[]]>([
  ["nothing", { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
  ["a member more", {}, { a: 1 }, [{ kind: "added", path: ["a"], after: 1 }]],
  ["a member less", { a: 1 }, {}, [{ kind: "removed", path: ["a"], before: 1 }]],
  ["another value", { a: 1 }, { a: 2 }, [{ kind: "changed", path: ["a"], before: 1, after: 2 }]],
  [
    "deep down",
    { a: { b: 1, c: 2 } },
    { a: { b: 1, c: 3 } },
    [{ kind: "changed", path: ["a", "c"], before: 2, after: 3 }],
  ],
  [
    "a list, as a whole",
    { a: [1, 2] },
    { a: [1, 3] },
    [{ kind: "changed", path: ["a"], before: [1, 2], after: [1, 3] }],
  ],
  ["a group for a value", { a: 1 }, { a: {} }, [{ kind: "changed", path: ["a"], before: 1, after: {} }]],
  ["all of it", undefined, { a: 1 }, [{ kind: "added", path: [], after: { a: 1 } }]],
  ["no number", { a: Number.NaN }, { a: Number.NaN }, []],
  ["the same time and bytes", { a: new Date(5), b: Buffer.from("x") }, { a: new Date(5), b: Buffer.from("x") }, []],
  ["lists of other length", [1], [1, 2], [{ kind: "changed", path: [], before: [1], after: [1, 2] }]],
])("%s", (_, before, after, differences) => {
  expect(diff(before, after)).toEqual(differences);
});

test("in the order of their paths, each in one place", () => {
  const paths = diff({ b: { y: 1, x: 1 }, a: 1 }, { c: 1, b: { x: 2 }, a: 2 }).map(({ path }) => path.join("."));
  expect(paths).toEqual(["a", "b.x", "b.y", "c"]);
});

test("a difference is told if and only if there is one, and the differences make the one of the other", () => {
  const group = fc.object({ maxDepth: 2, key: fc.constantFrom("a", "b", "c"), values: [fc.nat(3), fc.boolean()] });
  fc.assert(
    fc.property(group, group, (before, after) => {
      expect(diff(before, before)).toEqual([]);
      expect(diff(before, after).reduce(apply, before as unknown)).toEqual(after);
      expect(diff(after, before)).toHaveLength(diff(before, after).length);
    }),
  );
});

function apply(value: unknown, difference: Difference): unknown {
  const [name, ...path] = difference.path;
  if (name === undefined) return difference.kind === "removed" ? undefined : difference.after;
  const group = isGroup(value) ? value : {};
  const changed = { ...group, [name]: apply(group[name], { ...difference, path }) };
  return Object.fromEntries(Object.entries(changed).filter(([, member]) => member !== undefined));
}
