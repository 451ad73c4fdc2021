/** Watches of every kind side by side on one path, of one session: what each adds to what is heard, and what each takes along. */
import { AddWatchMode, ErrorCode, openAcl, WatcherType } from "@corral/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

const kinds = ["data", "children", "persistent", "persistentRecursive"] as const;
type Kind = (typeof kinds)[number];
const path = "/n";

let c: TestClient;
let other: TestClient;
beforeEach(() => {
  const harness = new ReplicaHarness();
  c = harness.connect();
  other = harness.connect();
  other.call("create", { path, data: null, acl: openAcl, flags: 0 });
});

function watch(client: TestClient, kind: Kind): void {
  const arm: Readonly<Record<Kind, () => unknown>> = {
    data: () => client.call("getData", { path, watch: true }),
    children: () => client.call("getChildren", { path, watch: true }),
    persistent: () => client.call("addWatch", { path, mode: AddWatchMode.persistent }),
    persistentRecursive: () => client.call("addWatch", { path, mode: AddWatchMode.persistentRecursive }),
  };
  expect(arm[kind]()).not.toBeTypeOf("number");
}

/** What `c` hears of it, as `type path`. */
function heardOf(change: () => unknown): readonly string[] {
  const before = c.events.length;
  expect(change()).not.toBeTypeOf("number");
  return c.events.slice(before);
}

const set = () => heardOf(() => other.call("setData", { path, data: null, version: -1 }));
const remove = (what: string) => heardOf(() => other.call("delete", { path: what, version: -1 }));
const create = (what: string) =>
  heardOf(() => other.call("create", { path: what, data: null, acl: openAcl, flags: 0 }));

/** Of two changes of each sort, the second of which finds no plain watch any more. */
function heardOfAll(): Readonly<Record<string, readonly string[]>> {
  return {
    set: set(),
    setAgain: set(),
    child: create(`${path}/x`),
    childAgain: create(`${path}/y`),
    childGone: remove(`${path}/x`),
  };
}

const none = { set: [], setAgain: [], child: [], childAgain: [], childGone: [] };
const created = (name: string) => `1 ${path}/${name}`;
const deleted = (name: string) => `2 ${path}/${name}`;
const [dataChanged, childrenChanged] = [`3 ${path}`, `4 ${path}`];

/** What each kind by itself makes heard. */
const heardBy: Readonly<Record<Kind, ReturnType<typeof heardOfAll>>> = {
  data: { ...none, set: [dataChanged] },
  children: { ...none, child: [childrenChanged] },
  persistent: {
    set: [dataChanged],
    setAgain: [dataChanged],
    child: [childrenChanged],
    childAgain: [childrenChanged],
    childGone: [childrenChanged],
  },
  persistentRecursive: {
    set: [dataChanged],
    setAgain: [dataChanged],
    child: [created("x")],
    childAgain: [created("y")],
    childGone: [deleted("x")],
  },
};

/** What several make heard together: everything once, what happens to a node before what happens to its parent's list. */
function heardByAll(some: readonly Kind[]): ReturnType<typeof heardOfAll> {
  return Object.fromEntries(
    Object.keys(none).map((change) => [
      change,
      [...new Set(some.flatMap((kind) => heardBy[kind][change] ?? []))].sort((a, b) => a.localeCompare(b)),
    ]),
  );
}

/** All sets of kinds, the empty one too. */
const sets = Array.from({ length: 2 ** kinds.length }, (_, bits) => kinds.filter((_kind, at) => bits & (1 << at)));

describe("D.6 kinds side by side", () => {
  test.each(sets)("%s %s %s %s", (...some) => {
    for (const kind of some) watch(c, kind);
    expect(heardOfAll()).toEqual(heardByAll(some));
  });

  test("whichever was asked for first, and however often", () => {
    for (const kind of [...kinds].reverse().concat(kinds)) watch(c, kind);
    expect(heardOfAll()).toEqual(heardByAll(kinds));
  });

  test("the node goes and comes back: once each, and the lasting ones are still there", () => {
    for (const kind of kinds) watch(c, kind);
    expect(remove(path)).toEqual([`2 ${path}`]);
    expect(create(path)).toEqual([`1 ${path}`]);
    expect(heardOfAll()).toEqual(heardByAll(["persistent", "persistentRecursive"]));
  });
});

describe("D.13 of all kinds on one path", () => {
  const check = (kind: keyof typeof WatcherType, who = c) =>
    who.call("checkWatches", { path, type: WatcherType[kind] });

  test.each(kinds)("removing %s takes that one, and leaves the others", (kind) => {
    for (const each of kinds) {
      watch(c, each);
      watch(other, each);
    }
    expect(c.call("removeWatches", { path, type: WatcherType[kind] })).toEqual({});
    const left = kinds.filter((each) => each !== kind);
    for (const each of kinds) {
      expect(check(each), each).toEqual(each === kind ? ErrorCode.NoWatcher : {});
      expect(check(each, other), each).toEqual({});
    }
    expect(check("any")).toEqual({});
    expect(c.call("removeWatches", { path, type: WatcherType[kind] })).toBe(ErrorCode.NoWatcher);
    expect(heardOfAll()).toEqual(heardByAll(left));
  });

  test.each(kinds)("removing any when there is %s takes all", (kind) => {
    watch(c, kind);
    watch(c, "persistent");
    expect(c.call("removeWatches", { path, type: WatcherType.any })).toEqual({});
    for (const each of [...kinds, "any"] as const) expect(check(each), each).toBe(ErrorCode.NoWatcher);
    expect(heardOfAll()).toEqual(none);
  });

  test("looking takes nothing", () => {
    for (const kind of kinds) watch(c, kind);
    for (const kind of [...kinds, ...kinds]) expect(check(kind)).toEqual({});
    expect(heardOfAll()).toEqual(heardByAll(kinds));
  });

  test("a watch of another path, above or below, is none of this one", () => {
    for (const kind of kinds) watch(c, kind);
    other.call("create", { path: `${path}/x`, data: null, acl: openAcl, flags: 0 });
    for (const elsewhere of ["/", `${path}/x`]) {
      for (const type of Object.values(WatcherType)) {
        expect(c.call("removeWatches", { path: elsewhere, type })).toBe(ErrorCode.NoWatcher);
      }
    }
  });
});
