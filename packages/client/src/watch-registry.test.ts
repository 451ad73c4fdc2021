import { expect, test } from "vitest";
import type { WatchEventKind } from "./watch-event.ts";
import { type WatchKind, WatchRegistry } from "./watch-registry.ts";

const a = () => {};
const b = () => {};

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
  expect(registry.batches(100)).toEqual([{ dataWatches: ["/a"], existWatches: [], childWatches: [] }]);
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

test("batches hold at most so many bytes of path text, and at least one path", () => {
  const registry = new WatchRegistry();
  for (const path of ["/äbcd", "/b", "/c"]) registry.add("data", path, a);
  registry.add("exist", "/d", a);
  registry.add("child", `/${"e".repeat(20)}`, a);
  expect(registry.batches(6)).toEqual([
    { dataWatches: ["/äbcd"], existWatches: [], childWatches: [] },
    { dataWatches: ["/b", "/c"], existWatches: ["/d"], childWatches: [] },
    { dataWatches: [], existWatches: [], childWatches: [`/${"e".repeat(20)}`] },
  ]);
  expect(new WatchRegistry().batches(6)).toEqual([]);
});
