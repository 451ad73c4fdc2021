/** Identities in access lists: the same one is in memory once, wherever the lists come from. */
import { type Acl, openAcl } from "@corral/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { looksUp } from "../../test-support/look-ups.ts";
import { StateDriver } from "../../test-support/state-driver.ts";
import { fixUpAcl } from "./access.ts";
import type { DataTree } from "./data-tree.ts";
import { digestOfText, longestHashedText } from "./long-text.ts";
import { NodeStore } from "./node-store.ts";
import { snapshotChunks } from "./snapshot.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

const entry = (perms: number, id: string, scheme = "digest"): Acl => ({ perms, id: { scheme, id } });

test("lists have them in common, and stay what they were", () => {
  const lists = fc.array(fc.record({ perms: fc.nat(2), id: fc.nat(3), scheme: fc.constantFrom("digest", "sasl") }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.array(fc.record({ list: lists, gone: fc.nat() }), { maxLength: 30 }), (steps) => {
      const { acls } = new NodeStore();
      const held: { number: number; list: Acl[] }[] = [];
      for (const { list: wanted, gone } of steps) {
        const list = wanted.map(({ perms, id, scheme }) => entry(perms, `${id}:x`, scheme));
        held.push({ number: acls.add(list), list: structuredClone(list) });
        if (gone % 3 === 0) {
          const [removed] = held.splice(gone % held.length, 1);
          if (removed !== undefined) acls.remove(removed.number);
        }
        const ids = held.flatMap(({ number }) => acls.get(number).map(({ id }) => id));
        expect(new Set(ids).size).toBe(new Set(ids.map(({ scheme, id }) => `${scheme} ${id}`)).size);
        expect(held.map(({ number }) => acls.get(number))).toEqual(held.map(({ list }) => list));
      }
    }),
  );
});

test("one that no list has any more is forgotten, and not before", () => {
  const { acls } = new NodeStore();
  const idOf = (list: Acl[]) => acls.get(acls.add(list))[0]?.id;
  const first = entry(1, "a:x");
  const numbers = [[first], [entry(2, "a:x")]].map((list) => acls.add(list));
  acls.remove(numbers[0] as number);
  const held = acls.add([entry(3, "a:x")]);
  expect(acls.get(held)[0]?.id).toBe(first.id);
  acls.remove(held);
  acls.remove(numbers[1] as number);
  const again = entry(1, "a:x");
  expect(idOf([again])).toBe(again.id);
});

test("a list that is made once for all stays that one", () => {
  const { acls } = new NodeStore();
  expect(acls.get(acls.add(openAcl))).toBe(openAcl);
});

test("lists from a snapshot have them in common", () => {
  const d = new StateDriver();
  d.session(1n);
  const paths = ["/a", "/b", "/c"];
  for (const path of paths) d.create(path);
  const { tree } = d.state;
  const setAcl = (path: string, ...acl: Acl[]) => {
    const node = tree.get(path);
    if (node !== undefined) tree.setAcl(node, acl);
  };
  setAcl("/a", entry(31, "a:x"), entry(1, "b:x"));
  setAcl("/b", entry(1, "b:x"));
  setAcl("/c", entry(1, "b:x"));
  const reader = new SnapshotReader(7);
  for (const chunk of snapshotChunks(d.state)) reader.onChunk(chunk);
  const restored = reader.finish().tree;
  const listsOf = (of: DataTree) => paths.map((path) => of.get(path)?.acl);
  expect(listsOf(restored)).toEqual(listsOf(tree));
  const [a, b, c] = listsOf(restored);
  expect(a?.[1]?.id).toBe(b?.[0]?.id);
  expect(c).toBe(b);
});

describe("long ones", () => {
  /** Of one length, as identities and as entries. */
  const long = Array.from({ length: 20 }, (_, i) => entry(i % 10, `a:${"x".repeat(longestHashedText)}${i % 10}`));

  test("are no keys, as those of one length would be gone through one by one", () => {
    const { acls } = new NodeStore();
    const keys = looksUp(() => {
      const numbers = long.map((one) => acls.add([one]));
      for (const number of numbers) acls.remove(number);
      expect(fixUpAcl(long, [])).toEqual(long.slice(0, 10));
    });
    expect(keys.length).toBeGreaterThan(2 * long.length);
    expect(keys.filter((key) => key.length > longestHashedText)).toEqual([]);
  });

  test("are in memory once, and forgotten with their last list", () => {
    const { acls } = new NodeStore();
    const [one, , other] = long as [Acl, Acl, Acl];
    const idOf = (number: number) => acls.get(number)[0]?.id;
    const first = acls.add([one]);
    const second = acls.add([entry(31, one.id.id)]);
    const third = acls.add([other]);
    expect([idOf(first), idOf(second), idOf(third)]).toEqual([one.id, one.id, other.id]);
    expect(idOf(second)).toBe(idOf(first));
    for (const number of [first, second]) acls.remove(number);
    const again = structuredClone(one);
    expect(idOf(acls.add([again]))).toBe(again.id);
  });

  test("are not taken for others: not for who has the digest of one as his id, nor for halves of characters", () => {
    const { acls } = new NodeStore();
    const texts = ["\ud800", "\ud801"].map((half) => `a:${"x".repeat(longestHashedText)}${half}`);
    const ids = [...texts, ...texts.map(digestOfText)];
    const numbers = ids.map((id) => acls.add([entry(1, id)]));
    expect(numbers.map((number) => acls.get(number)[0]?.id.id)).toEqual(ids);
    expect(
      fixUpAcl(
        texts.map((id) => entry(1, id)),
        [],
      ),
    ).toHaveLength(2);
  });
});
