import { WatchEventType } from "@corral/protocol";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { childTable, dataTable, type Watcher, WatchKind, WatchTable } from "./watch-table.ts";

class Named implements Watcher {
  readonly watchedPaths = new Set<string>();
  watchedText = 0;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

let table: WatchTable<Named>;
let a: Named;
let b: Named;
beforeEach(() => {
  table = new WatchTable();
  a = new Named("a");
  b = new Named("b");
});

function fire(type: WatchEventType, path: string): string {
  const told: string[] = [];
  table.fire(type, path, (w) => told.push(w.name));
  return told.sort().join(" ");
}

const { nodeCreated, nodeDeleted, nodeDataChanged, nodeChildrenChanged } = WatchEventType;

describe("which kinds hear of what", () => {
  test.each([
    ["data", nodeCreated, true],
    ["data", nodeDataChanged, true],
    ["data", nodeDeleted, true],
    ["data", nodeChildrenChanged, false],
    ["child", nodeCreated, false],
    ["child", nodeDataChanged, false],
    ["child", nodeDeleted, true],
    ["child", nodeChildrenChanged, true],
    ["persistent", nodeCreated, true],
    ["persistent", nodeDataChanged, true],
    ["persistent", nodeDeleted, true],
    ["persistent", nodeChildrenChanged, true],
    ["recursive", nodeCreated, true],
    ["recursive", nodeDataChanged, true],
    ["recursive", nodeDeleted, true],
    ["recursive", nodeChildrenChanged, false],
  ] as const)("%s, event %d: %s", (kind, type, hears) => {
    table.add("/n", a, WatchKind[kind]);
    expect(fire(type, "/n")).toBe(hears ? "a" : "");
  });
});

test("one-shot kinds are used up by what they hear of, and only by that", () => {
  table.add("/n", a, WatchKind.data | WatchKind.child | WatchKind.persistent);
  fire(nodeDataChanged, "/n");
  expect(table.kindsOf("/n", a)).toBe(WatchKind.child | WatchKind.persistent);
  fire(nodeDeleted, "/n");
  expect(table.kindsOf("/n", a)).toBe(WatchKind.persistent);
});

test("a recursive watch hears of every depth, the root's too, and each watcher once", () => {
  table.add("/", a, WatchKind.recursive);
  table.add("/x", a, WatchKind.recursive);
  table.add("/x/y", a, WatchKind.data);
  table.add("/x", b, WatchKind.recursive);
  expect(fire(nodeDataChanged, "/x/y")).toBe("a b");
  expect(fire(nodeCreated, "/other")).toBe("a");
  expect(fire(nodeCreated, "/xx")).toBe("a");
});

test("each half of a recursive watch hears of what its table hears of, and nobody twice", () => {
  for (const [half, told] of [
    [dataTable, ["a", "a", "a", ""]],
    [childTable, ["", "", "a", ""]],
    [dataTable | childTable, ["a", "a", "a", ""]],
  ] as const) {
    for (const at of ["/x/y", "/x", "/"]) {
      table.add(at, a, WatchKind.recursive & half);
      const types = [nodeCreated, nodeDataChanged, nodeDeleted, nodeChildrenChanged];
      expect(types.map((type) => fire(type, "/x/y"))).toEqual(told);
      expect([table.size, table.recursiveCount]).toEqual([1, 1]);
      table.remove(at, a, ~0);
    }
  }
  expect([table.size, table.recursiveCount]).toEqual([0, 0]);
});

test("a recursive watch of the empty path, which is no node's, hears of nothing and is not taken for the root's", () => {
  table.add("/", a, WatchKind.recursive);
  table.add("", b, WatchKind.recursive);
  expect(fire(nodeCreated, "/x")).toBe("a");
  table.remove("", b, ~0);
  expect([fire(nodeCreated, "/x"), table.size, table.recursiveCount]).toEqual(["a", 1, 1]);
});

test("recursive watches above a node are found with as few looks however far down it is", () => {
  const deep = "/a".repeat(8_000);
  table.add("/a", a, WatchKind.recursive);
  table.add(deep, b, WatchKind.recursive);
  table.add("/b", b, WatchKind.recursive);
  const looks = vi.spyOn(Map.prototype, "get");
  try {
    const told = [fire(nodeDataChanged, `${deep}/n`), fire(nodeDataChanged, `/c${deep}`)];
    const count = looks.mock.calls.length;
    expect(told).toEqual(["a b", ""]);
    expect(count).toBeLessThan(20);
  } finally {
    looks.mockRestore();
  }
});

test("a watcher that goes takes all its watches along", () => {
  table.add("/n", a, WatchKind.data);
  table.add("/m", a, WatchKind.recursive);
  table.add("/n", b, WatchKind.data);
  table.removeWatcher(a);
  expect([table.size, table.pathCount, a.watchedPaths.size]).toEqual([1, 1, 0]);
  expect(fire(nodeDataChanged, "/n")).toBe("b");
  expect(fire(nodeCreated, "/m/x")).toBe("");
  expect([table.size, table.pathCount]).toEqual([0, 0]);
});
