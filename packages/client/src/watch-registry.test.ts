import { ErrorCode, WatcherType } from "@corral/protocol";
import { describe, expect, test, vi } from "vitest";
import type { WatchEventKind } from "./watch-event.ts";
import { type WatchBatch, type WatchKind, WatchRegistry } from "./watch-registry.ts";

const a = () => {};
const b = () => {};
const batch = (lists: Partial<WatchBatch>): WatchBatch => ({
  dataWatches: [],
  existWatches: [],
  childWatches: [],
  persistentWatches: [],
  persistentRecursiveWatches: [],
  ...lists,
});

test.each<[WatchEventKind, WatchKind[]]>([
  ["nodeCreated", ["data", "exist"]],
  ["nodeDataChanged", ["data", "exist"]],
  ["nodeDeleted", ["data", "exist", "child"]],
  ["nodeChildrenChanged", ["child"]],
])("%s takes the watchers of %j", (event, kinds) => {
  for (const kind of ["data", "exist", "child"] as const) {
    const registry = new WatchRegistry();
    registry.add(kind, "/a", a);
    expect(registry.take(event, "/a")).toEqual(kinds.includes(kind) ? [a] : []);
    expect(registry.take(event, "/a")).toEqual([]);
    expect(registry.size).toBe(kinds.includes(kind) ? 0 : 1);
  }
});

test("several watchers on a path are one watch on the server, and all are called", () => {
  const registry = new WatchRegistry();
  registry.add("data", "/a", a);
  registry.add("data", "/a", b);
  registry.add("data", "/a", b);
  expect(registry.size).toBe(2);
  expect(registry.batches(100)).toEqual([batch({ dataWatches: ["/a"] })]);
  expect(registry.take("nodeDataChanged", "/a")).toEqual([a, b]);
});

test("one function on two tables is called once by an event for both", () => {
  const registry = new WatchRegistry();
  registry.add("data", "/a", a);
  registry.add("child", "/a", a);
  expect(registry.take("nodeDeleted", "/a")).toEqual([a]);
  expect(registry.size).toBe(0);
});

test("events of other paths take nothing", () => {
  const registry = new WatchRegistry();
  registry.add("child", "/a", a);
  expect(registry.take("nodeChildrenChanged", "/a/b")).toEqual([]);
  expect(registry.size).toBe(1);
});

test("a watcher can be taken away", () => {
  const registry = new WatchRegistry();
  registry.add("data", "/a", a);
  registry.add("child", "/a", a);
  registry.add("data", "/a", b);
  registry.remove("/a", a);
  registry.remove("/nowhere", a);
  expect(registry.size).toBe(1);
  expect(registry.take("nodeDeleted", "/a")).toEqual([b]);
});

test("everything, by path", () => {
  const registry = new WatchRegistry();
  registry.add("data", "/a", a);
  registry.add("child", "/a", b);
  registry.add("exist", "/b", a);
  expect(registry.takeAll()).toEqual([
    { path: "/a", watchers: [a, b] },
    { path: "/b", watchers: [a] },
  ]);
  expect(registry.size).toBe(0);
  expect(registry.takeAll()).toEqual([]);
});

test("recursive watches above a node are found with as few looks however far down it is", () => {
  const registry = new WatchRegistry();
  registry.add("recursive", "/app/x", a);
  registry.add("recursive", "/", b);
  const below = "/a".repeat(2_000);
  const looks = vi.spyOn(Map.prototype, "get");
  try {
    const taken = ["/app", "/app/x", `/app/x${below}`, `/app/xy${below}`].map((path) =>
      registry.take("nodeCreated", path),
    );
    const count = looks.mock.calls.length;
    expect(taken).toEqual([[b], [a, b], [a, b], [b]]);
    expect(count).toBeLessThan(30);
  } finally {
    looks.mockRestore();
  }
});

test("a recursive watch stays, and hears of everything below but lists of children", () => {
  const registry = new WatchRegistry();
  registry.add("recursive", "/a", a);
  registry.add("data", "/a/b", b);
  expect(registry.take("nodeDataChanged", "/a/b")).toEqual([b, a]);
  expect(registry.take("nodeCreated", "/a")).toEqual([a]);
  expect(registry.take("nodeDeleted", "/a/b/c")).toEqual([a]);
  expect(registry.take("nodeChildrenChanged", "/a")).toEqual([]);
  expect(registry.take("nodeDataChanged", "/ab")).toEqual([]);
  registry.add("recursive", "/", b);
  expect(registry.take("nodeDataChanged", "/ab")).toEqual([b]);
  expect(registry.batches(100)).toEqual([batch({ persistentRecursiveWatches: ["/a", "/"] })]);
  expect(registry.recursive()).toEqual([
    { path: "/a", watchers: [a] },
    { path: "/", watchers: [b] },
  ]);
  expect(registry.remove("/a", a)).toEqual([{ path: "/a", type: WatcherType.persistentRecursive }]);
});

describe("which watches of the server nobody needs any more", () => {
  test("the last watcher's; data and exist are one watch there", () => {
    const registry = new WatchRegistry();
    registry.add("data", "/a", a);
    registry.add("exist", "/a", b);
    registry.add("child", "/a", a);
    expect(registry.remove("/a", a)).toEqual([{ path: "/a", type: WatcherType.children }]);
    expect(registry.remove("/a", a)).toEqual([]);
    expect(registry.remove("/a", b)).toEqual([{ path: "/a", type: WatcherType.data }]);
  });

  test("not while a read under way is to leave one", () => {
    const registry = new WatchRegistry();
    registry.add("data", "/a", a);
    registry.expect("exist", "/a");
    expect(registry.remove("/a", a)).toEqual([]);
    expect(registry.settle("exist", "/a", b, ErrorCode.Ok)).toBeUndefined();
    expect(registry.remove("/a", b)).toEqual([{ path: "/a", type: WatcherType.data }]);
  });

  test("one left by a read whose answer nobody wants any more", () => {
    const registry = new WatchRegistry();
    registry.expect("data", "/a");
    registry.expect("data", "/a");
    expect(registry.settle("data", "/a", undefined, ErrorCode.Ok)).toBeUndefined();
    expect(registry.settle("data", "/a", undefined, ErrorCode.Ok)).toEqual({ path: "/a", type: WatcherType.data });
    registry.expect("data", "/a");
    expect(registry.settle("data", "/a", undefined, ErrorCode.NoNode)).toBeUndefined();
  });

  test("what was under way on a connection is forgotten with it", () => {
    const registry = new WatchRegistry();
    registry.add("child", "/a", a);
    registry.expect("child", "/a");
    registry.expectNothing();
    expect(registry.remove("/a", a)).toEqual([{ path: "/a", type: WatcherType.children }]);
  });
});

test("batches hold at most so many bytes of path text, and at least one path", () => {
  const registry = new WatchRegistry();
  for (const path of ["/äbcd", "/b", "/c"]) registry.add("data", path, a);
  registry.add("exist", "/d", a);
  registry.add("child", `/${"e".repeat(20)}`, a);
  expect(registry.batches(6)).toEqual([
    batch({ dataWatches: ["/äbcd"] }),
    batch({ dataWatches: ["/b", "/c"], existWatches: ["/d"] }),
    batch({ childWatches: [`/${"e".repeat(20)}`] }),
  ]);
  expect(new WatchRegistry().batches(6)).toEqual([]);
});
