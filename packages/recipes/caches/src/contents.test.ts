import { type ObservedNode, type TreeChange, treeChanges } from "@corral/client";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf, bytesOfTree, Contents } from "./contents.ts";
import { childPath, nodeName, parentPath } from "./paths.ts";

const plain = {
  pzxid: 0n,
  ctimeMs: 0,
  mtimeMs: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
};

const names = fc.constantFrom("a", "b", "c", "aa", "ä");
const paths = fc
  .array(names, { minLength: 1, maxLength: 3 })
  .map((segments) => segments.reduce((path, name) => childPath(path, name), "/"));

const node = fc
  .record({
    path: paths,
    czxid: fc.integer({ min: 1, max: 3 }),
    mzxid: fc.integer({ min: 1, max: 3 }),
    bytes: fc.nat(5),
  })
  .map(
    ({ path, czxid, mzxid, bytes }): ObservedNode => ({
      path,
      data: bytes === 0 ? null : Buffer.alloc(bytes),
      // At the version of a node that was just made: versions must tell nothing.
      stat: { ...plain, czxid: BigInt(czxid), mzxid: BigInt(czxid + mzxid), version: 0 },
    }),
  );
const tree = fc.array(node, { maxLength: 12 }).map((nodes) => new Map(nodes.map((one) => [one.path, one])));

const same = (a: ObservedNode, b: ObservedNode) => a.stat.czxid === b.stat.czxid && a.stat.mzxid === b.stat.mzxid;

function apply(before: ReadonlyMap<string, ObservedNode>, changes: readonly TreeChange[]) {
  const after = new Map(before);
  for (const { type, path, before: was, after: is } of changes) {
    expect(after.get(path)).toBe(was);
    if (is === undefined) after.delete(path);
    else after.set(path, is);
    if (type === "recreated") expect(was?.stat.czxid).not.toBe(is?.stat.czxid);
    if (type === "changed") expect(was?.stat.czxid).toBe(is?.stat.czxid);
  }
  return after;
}

test("the log of changes leads from one state to the next", () => {
  fc.assert(
    fc.property(tree, tree, (before, after) => {
      const reached = apply(before, treeChanges(before, after));
      expect([...reached.keys()].sort()).toEqual([...after.keys()].sort());
      for (const [path, is] of after) expect(same(reached.get(path) as ObservedNode, is)).toBe(true);
    }),
  );
});

test("what is kept is what is wanted, with the names of the children in order", () => {
  fc.assert(
    fc.property(tree, fc.nat(5), (all, bytesMin) => {
      const contents = Contents.of(all, ({ data }) => (data?.length ?? 0) >= bytesMin);
      const wanted = [...all.values()].filter(({ data }) => (data?.length ?? 0) >= bytesMin);
      expect([...contents.nodes.values()]).toEqual(wanted);
      for (const parent of ["/", "/a", "/a/b"]) {
        const expected = wanted.filter(({ path }) => parentPath(path) === parent).map(({ path }) => nodeName(path));
        expect(contents.children(parent)).toEqual(expected.sort());
      }
    }),
  );
});

test("bytes are those of paths and data", () => {
  fc.assert(
    fc.property(tree, (all) => {
      const sum = [...all].reduce((bytes, [path, one]) => bytes + bytesOf(path, one), 0);
      expect(bytesOfTree(all)).toBe(sum);
    }),
  );
  expect(bytesOf("/ä", undefined)).toBe(3);
  expect(bytesOfTree(undefined)).toBe(0);
});

test("paths, the root among them", () => {
  expect(childPath("/", "a")).toBe("/a");
  expect(childPath("/a", "b")).toBe("/a/b");
  expect(["/", "/a", "/a/b"].map(parentPath)).toEqual([undefined, "/", "/a"]);
});
