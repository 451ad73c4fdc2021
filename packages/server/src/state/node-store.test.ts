/** The parts that the tree's nodes are kept in, each against a plain model of it. */
import type { Acl } from "@corral/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { looksUp } from "../../test-support/look-ups.ts";
import { NodeStore } from "./node-store.ts";
import { Slabs } from "./slabs.ts";

describe("slabs", () => {
  const lengths = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1_000, max: 1_050 }), fc.constant(5_000));

  test("every value is what was added, whatever was added and removed since", () => {
    const change = fc.record({ add: lengths, fill: fc.nat(255), removed: fc.nat() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200, size: "max" }), (changes) => {
        const slabs = new Slabs();
        const values: { number: number; bytes: Buffer }[] = [];
        for (const { add, fill, removed } of changes) {
          const bytes = Buffer.alloc(add, fill);
          values.push({ number: slabs.add(bytes), bytes });
          if (removed % 2 === 0) {
            const [gone] = values.splice(removed % values.length, 1);
            if (gone !== undefined) slabs.remove(gone.number, gone.bytes.length);
          }
          expect(values.every(({ number, bytes }) => slabs.view(number, bytes.length).equals(bytes))).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("what is added is a copy", () => {
    const slabs = new Slabs();
    for (const length of [10, 2_000]) {
      const bytes = Buffer.alloc(length, 1);
      const number = slabs.add(bytes);
      bytes.fill(2);
      expect(slabs.view(number, length).equals(Buffer.alloc(length, 1))).toBe(true);
    }
  });

  test("memory that nothing is in any more is given back, and used again", () => {
    const slabs = new Slabs();
    const fill = () =>
      Array.from({ length: 20_000 }, (_, i) => slabs.add(Buffer.alloc(i % 100 === 0 ? 2_000 : 100, i)));
    const lengthOf = (i: number) => (i % 100 === 0 ? 2_000 : 100);
    const held = fill();
    expect(slabs.heldBytes).toBeGreaterThan(20_000 * 100);
    for (const [i, number] of held.entries()) slabs.remove(number, lengthOf(i));
    expect(slabs.heldBytes).toBeLessThan(300_000);
    const again = fill();
    expect(again.every((number, i) => slabs.view(number, lengthOf(i))[99] === i % 256)).toBe(true);
  });

  test("a few values that come after many are gone do not take memory for each of them", () => {
    const slabs = new Slabs();
    const value = Buffer.alloc(100, 1);
    const held = Array.from({ length: 40_000 }, () => slabs.add(value));
    // Those that are far from each other one after the other, as when sessions end.
    for (let first = 0; first < 1_000; first++) {
      for (let at = first; at < held.length; at += 1_000) slabs.remove(held[at] as number, value.length);
    }
    for (let i = 0; i < 100; i++) slabs.add(value);
    expect(slabs.heldBytes).toBeLessThan(600_000);
  });
});

test("children are listed in order of creation, whoever of them goes", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 60, size: "max" }), (steps) => {
      const store = new NodeStore();
      const parent = store.allocate("/p");
      let children: { number: number; name: string }[] = [];
      steps.forEach((step, i) => {
        if (step % 3 === 0 && children.length > 0) {
          const gone = children[step % children.length];
          children = children.filter((child) => child !== gone);
          if (gone === undefined) return;
          store.unlink(parent, gone.number);
          store.release(gone.number);
        } else {
          const number = store.allocate(`/p/n${i}`);
          store.link(parent, number);
          children.push({ number, name: `n${i}` });
        }
        expect(store.childNames(parent)).toEqual(children.map(({ name }) => name));
      });
    }),
  );
});

describe("access lists", () => {
  const listOf = (...names: string[]): Acl[] => names.map((id) => ({ perms: 31, id: { scheme: "digest", id } }));
  const long = Array.from({ length: 1_000 }, (_, i) => `${"u".repeat(600)}${i}:x`);

  test("are kept once each, however long, for as long as a node has them", () => {
    const { acls } = new NodeStore();
    const lists = [listOf("a:x"), listOf("b:x"), listOf("a:x", "b:x"), listOf(...long), listOf(...long, "a:x")];
    const numbers = lists.map((list) => acls.add(list));
    expect(new Set(numbers).size).toBe(lists.length);
    expect(structuredClone(lists).map((list) => acls.add(list))).toEqual(numbers);
    for (const number of numbers) acls.remove(number);
    expect(numbers.map((number) => acls.get(number))).toEqual(lists);
    for (const number of numbers) acls.remove(number);
    expect(numbers.map((number) => acls.get(number))).toEqual(lists.map(() => []));
    expect(acls.get(acls.add(listOf(...long)))).toEqual(lists[3]);
  });

  test("have no second text of theirs in memory to be known by", () => {
    const { acls } = new NodeStore();
    const own = new Set(["digest", ...long]);
    const looked = looksUp(() => acls.add(listOf(...long)));
    const keys = looked.filter((key) => !own.has(key));
    expect(keys).toHaveLength(1);
    expect(keys[0]?.length).toBeLessThan(100);
  });
});
