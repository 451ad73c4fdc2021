import { openAcl, Writer } from "@corral/protocol";
import { seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";
import { DataTree } from "../state/data-tree.ts";
import { persistentLifetime } from "../state/lifetime.ts";
import { ChildLists } from "./child-lists.ts";

const node = (path: string) => ({ path, data: null, acl: openAcl, flags: 0 });

describe("the list of a node's children", () => {
  it("is the one of now, however often it was asked for before", () => {
    const harness = new ReplicaHarness();
    const client = harness.connect();
    const random = seededRandom(7);
    const there = new Map<string, Set<string>>([
      ["/a", new Set()],
      ["/b", new Set()],
    ]);
    for (const path of there.keys()) client.call("create", node(path));
    for (let step = 0; step < 2_000; step++) {
      const parent = random.pick(["/a", "/b"]);
      const names = there.get(parent) ?? new Set();
      const name = `child-${random.below(24)}`;
      if (random.below(3) > 0) {
        expect(client.call("getChildren2", { path: parent, watch: false })).toMatchObject({
          children: [...names],
          stat: { numChildren: names.size },
        });
      } else if (names.delete(name)) {
        client.call("delete", { path: `${parent}/${name}`, version: -1 });
      } else {
        names.add(name);
        client.call("create", node(`${parent}/${name}`));
      }
    }
  });

  it("is that of the node made anew, and not of the one that is gone", () => {
    const harness = new ReplicaHarness();
    const client = harness.connect();
    const fill = (prefix: string): void => {
      client.call("create", node("/group"));
      for (let i = 0; i < 10; i++) client.call("create", node(`/group/${prefix}${i}`));
      for (let i = 0; i < 3; i++) {
        const children = Array.from({ length: 10 }, (_, number) => `${prefix}${number}`);
        expect(client.call("getChildren", { path: "/group", watch: false })).toEqual({ children });
      }
    };
    fill("old");
    for (let i = 0; i < 10; i++) client.call("delete", { path: `/group/old${i}`, version: -1 });
    client.call("delete", { path: "/group", version: -1 });
    fill("new");
  });
});

describe("lists that are kept", () => {
  const treeWith = (children: number): DataTree => {
    const tree = DataTree.fresh();
    const init = { data: null, acl: openAcl, lifetime: persistentLifetime };
    const root = tree.get("/");
    if (root === undefined) throw new Error("a tree has a root");
    const group = tree.create("/group", root, init, { zxid: 1, timeMs: 1 });
    for (let i = 0; i < children; i++) tree.create(`/group/${i}`, group, init, { zxid: 2, timeMs: 1 });
    return tree;
  };
  /** How often the list was written anew when it was asked for so many times. */
  const written = (lists: ChildLists, tree: DataTree, times: number): number => {
    const group = tree.get("/group");
    if (group === undefined) throw new Error("the tree has the group");
    let count = 0;
    for (let i = 0; i < times; i++) {
      const out = new Writer();
      lists.write(tree, "/group", group, out, (list) => {
        count++;
        list.int(group.childCount);
      });
      expect(out.take().readInt32BE()).toBe(group.childCount);
    }
    return count;
  };

  it("are written twice, then kept, and not for another tree with the same zxids", () => {
    const lists = new ChildLists();
    expect(written(lists, treeWith(20), 10)).toBe(2);
    expect(written(lists, treeWith(20), 10)).toBe(2);
  });

  it("are not those that are quickly written", () => {
    expect(written(new ChildLists(), treeWith(3), 10)).toBe(10);
  });

  it("are nothing when writing fails", () => {
    const lists = new ChildLists();
    const tree = treeWith(20);
    const group = tree.get("/group");
    if (group === undefined) throw new Error("the tree has the group");
    for (let i = 0; i < 3; i++) {
      expect(() =>
        lists.write(tree, "/group", group, new Writer(), () => {
          throw new Error("too long");
        }),
      ).toThrow("too long");
    }
    expect(written(lists, tree, 10)).toBe(2);
  });
});
