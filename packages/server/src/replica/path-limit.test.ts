/** Paths that are too long to be keys of a map; see path-limit.ts. */
import { AddWatchMode, CreateMode, ErrorCode, OpCode, openAcl, sequenceSuffix } from "@corral/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";
import { maxPathLengthMax } from "../limits.ts";
import { longestHashedText } from "../state/long-text.ts";
import { StateMachine } from "../state/state-machine.ts";

const limits = { maxPathLength: 100 };
/** A path of so many UTF-16 code units. */
const path = (length: number) => `/${"x".repeat(length - 1)}`;
const node = (length: number, flags: number = CreateMode.persistent) => ({
  path: path(length),
  data: Buffer.alloc(1),
  acl: openAcl,
  flags,
});

let h: ReplicaHarness;
let client: TestClient;
beforeEach(() => {
  h = new ReplicaHarness({ limits });
  client = h.connect();
});

test("however it is set, V8 goes through all text of a path, with a sequence number too", () => {
  expect(maxPathLengthMax + sequenceSuffix(-(2 ** 31)).length).toBeLessThanOrEqual(longestHashedText);
});

describe("writes", () => {
  test.each(["create", "create2", "createContainer"] as const)(
    "%s makes no longer one, and uses up no zxid",
    (type) => {
      const flags = type === "createContainer" ? CreateMode.container : CreateMode.persistent;
      const before = h.replica.state.lastZxid;
      expect(client.call(type, node(101, flags))).toBe(ErrorCode.BadArguments);
      expect(h.replica.state.lastZxid).toBe(before);
      expect(client.call(type, node(100, flags))).toMatchObject({ path: path(100) });
    },
  );

  test("createTTL makes none either", () => {
    const ttl = (length: number) => ({ ...node(length, CreateMode.persistentWithTtl), ttl: 1_000 });
    expect(client.call("createTTL", ttl(101))).toBe(ErrorCode.BadArguments);
    expect(client.call("createTTL", ttl(100))).toMatchObject({ path: path(100) });
  });

  test("characters count, not their bytes", () => {
    expect(client.call("create", { ...node(1), path: `/${"角".repeat(99)}` })).toHaveProperty("path");
    expect(client.call("create", { ...node(1), path: `/${"角".repeat(100)}` })).toBe(ErrorCode.BadArguments);
  });

  test("a sequence number counts: who made a node can watch it", () => {
    expect(client.call("create", node(91, CreateMode.persistentSequential))).toBe(ErrorCode.BadArguments);
    const made = `${path(90)}0000000000`;
    expect(client.call("create", node(90, CreateMode.persistentSequential))).toEqual({ path: made });
    expect(client.call("exists", { path: made, watch: true })).toHaveProperty("stat");
  });

  test("a transaction fails at that part, and nothing of it is done", () => {
    const parts = [
      { type: OpCode.create, ...node(50) },
      { type: OpCode.create2, ...node(101) },
      { type: OpCode.check, path: "/", version: -1 },
    ] as const;
    const errors = [ErrorCode.Ok, ErrorCode.BadArguments, ErrorCode.RuntimeInconsistency];
    expect(client.call("multi", parts)).toEqual(errors.map((err) => ({ type: OpCode.error, err })));
    expect(client.call("exists", { path: path(50), watch: false })).toBe(ErrorCode.NoNode);
  });
});

describe("watches", () => {
  test.each(["getData", "getChildren", "getChildren2", "exists"] as const)("%s sets none of a longer one", (type) => {
    expect(client.call(type, { path: path(101), watch: true })).toBe(ErrorCode.BadArguments);
    expect(client.call(type, { path: path(101), watch: false })).toBe(ErrorCode.NoNode);
    expect(h.replica.watchCount).toBe(0);
    client.call("create", node(100));
    expect(client.call(type, { path: path(100), watch: true })).not.toBeTypeOf("number");
    expect(h.replica.watchCount).toBe(1);
  });

  test.each([AddWatchMode.persistent, AddWatchMode.persistentRecursive])("addWatch of mode %i sets none", (mode) => {
    expect(client.call("addWatch", { path: path(101), mode })).toBe(ErrorCode.BadArguments);
    expect(h.replica.watchCount).toBe(0);
    expect(client.call("addWatch", { path: path(100), mode })).not.toBeTypeOf("number");
  });

  const lists = ["dataWatches", "existWatches", "childWatches", "persistentWatches", "persistentRecursiveWatches"];
  const none = Object.fromEntries(lists.map((list) => [list, [] as string[]])) as Record<
    "dataWatches" | "existWatches" | "childWatches" | "persistentWatches" | "persistentRecursiveWatches",
    string[]
  >;
  const asked = { relativeZxid: 0, ...none, dataWatches: ["/gone"], existWatches: ["/b"] };

  test.each(lists)("setWatches2 with a longer one among its %s sets none, and tells of none", (list) => {
    const longer = { ...asked, [list]: [path(100), path(101)] };
    expect(client.call("setWatches2", longer)).toBe(ErrorCode.BadArguments);
    expect([client.events, h.replica.watchCount]).toEqual([[], 0]);
  });

  test("setWatches does the same", () => {
    const { relativeZxid, dataWatches, existWatches, childWatches } = asked;
    const given = { relativeZxid, dataWatches, existWatches, childWatches };
    expect(client.call("setWatches", { ...given, existWatches: ["/b", path(101)] })).toBe(ErrorCode.BadArguments);
    expect([client.events, h.replica.watchCount]).toEqual([[], 0]);
    client.call("setWatches", { ...given, existWatches: ["/b", path(100)] });
    expect([client.events, h.replica.watchCount]).toEqual([["2 /gone"], 2]);
  });
});

test("a longer node from before there was the bound is read, written and deleted", () => {
  const state = new StateMachine();
  const before = new ReplicaHarness({ state }).connect();
  before.call("create", node(90));
  before.call("create", { ...node(1), path: `${path(90)}/${"y".repeat(90)}` });
  const old = { path: `${path(90)}/${"y".repeat(90)}` };
  const after = new ReplicaHarness({ state, limits, lastEpoch: 1 });
  client = after.connect();
  client.call("addWatch", { path: "/", mode: AddWatchMode.persistentRecursive });
  expect(client.call("exists", { ...old, watch: true })).toBe(ErrorCode.BadArguments);
  expect(client.call("getData", { ...old, watch: false })).toMatchObject({ data: Buffer.alloc(1) });
  expect(client.call("getChildren", { ...old, watch: false })).toEqual({ children: [] });
  expect(client.call("setData", { ...old, data: null, version: 0 })).toHaveProperty("stat");
  expect(client.call("setACL", { ...old, acl: openAcl, version: -1 })).toHaveProperty("stat");
  expect(client.call("multi", [{ type: OpCode.delete, ...old, version: -1 }])).toEqual([{ type: OpCode.delete }]);
  expect(client.events).toEqual([`3 ${old.path}`, `2 ${old.path}`]);
});
