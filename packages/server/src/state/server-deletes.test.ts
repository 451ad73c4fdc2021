/** What servers delete: the ephemerals of a session that ends, and what the reaper has found. Now, and in logs of old. */
import { CreateMode, type MultiOperation, OpCode, openAcl } from "@corral/protocol";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { StateDriver } from "../../test-support/state-driver.ts";
import { Reaper } from "../replica/reaper.ts";
import { decodeEntry, encodeEntry } from "./entry-codec.ts";
import type { Operation } from "./operation.ts";
import { snapshotChunks } from "./snapshot.ts";
import { SnapshotReader } from "./snapshot-reader.ts";
import { StateMachine } from "./state-machine.ts";

const close: Operation = { type: OpCode.closeSession, request: {} };
const ephemeral = (path: string, text = ""): MultiOperation => ({
  type: OpCode.create,
  path,
  data: Buffer.from(text),
  acl: openAcl,
  flags: CreateMode.ephemeral,
});

let d: StateDriver;
beforeEach(() => {
  d = new StateDriver();
  d.session(1n);
  d.session(2n);
});

/** Another state machine that was started from a snapshot of this one. */
function startedFromSnapshot(): StateDriver {
  const reader = new SnapshotReader(0);
  for (const chunk of snapshotChunks(d.state)) reader.onChunk(chunk);
  return new StateDriver(new StateMachine(reader.finish()));
}

/** As read back from a log, there with the version 1. */
function applyAsOfOld(operation: Operation, sessionId: bigint, timeMs?: number): void {
  const entry = d.entry(operation, sessionId);
  const bytes = encodeEntry({ ...entry, timeMs: timeMs ?? entry.timeMs, oldRules: true });
  const read = decodeEntry(bytes);
  expect([bytes[1], read.oldRules]).toEqual([1, true]);
  d.firings = d.state.apply(read).firings;
}

const deleted = (of: StateDriver) => of.firings.filter(({ type }) => type === 2).map(({ path }) => path);

describe("the end of a session", () => {
  const stats = "/zookeeper/quota/q/zookeeper_stats";
  const limits = "/zookeeper/quota/q/zookeeper_limits";

  beforeEach(() => {
    for (const path of ["/q", "/zookeeper/quota/q", "/first", "/second", stats]) d.create(path);
    d.set(stats, Buffer.from("count=2,bytes=9"));
  });

  test("takes the oldest first, before and after a snapshot, though the limits that count for them go too", () => {
    // The numbers of nodes that were here before are given out anew, the last one first.
    d.delete("/first");
    d.delete("/second");
    d.create("/q/e", CreateMode.ephemeral, Buffer.from("12345"), 2n);
    d.create(limits, CreateMode.ephemeral, Buffer.from("count=5"), 2n);
    const other = startedFromSnapshot();
    for (const one of [d, other]) one.apply(close, 2n);
    expect([deleted(d), deleted(other)]).toEqual([
      ["/q/e", limits],
      ["/q/e", limits],
    ]);
    expect(String(other.state.tree.get(stats)?.data)).toBe("count=1,bytes=4");
    expect(other.state.digest).toEqual(d.state.digest);
  });

  test("comes to the same whatever made them", () => {
    const paths = ["/q/a", "/q/b", limits, "/c", "/b"];
    const step = fc.record({
      made: fc.uniqueArray(fc.constantFrom(...paths), { minLength: 1, maxLength: 3 }),
      kind: fc.constantFrom("multi", "failed delete", "delete"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
        d = new StateDriver();
        for (const id of [1n, 2n]) d.session(id);
        for (const path of ["/q", "/zookeeper/quota/q", "/first", "/second", "/third", stats]) d.create(path);
        for (const path of ["/third", "/first", "/second"]) d.delete(path);
        d.set(stats, Buffer.from("count=9,bytes=9"));
        for (const { made, kind } of steps) {
          const operations =
            kind === "multi"
              ? made.map((path) => ephemeral(path, path === limits ? "count=5" : path))
              : made.map((path) => ({ type: OpCode.delete, path, version: -1 }) as const);
          if (kind === "failed delete") operations.push({ type: OpCode.delete, path: "/missing", version: -1 });
          d.apply({ type: OpCode.multi, request: operations }, 2n);
        }
        const other = startedFromSnapshot();
        for (const one of [d, other]) one.apply(close, 2n);
        expect(deleted(other)).toEqual(deleted(d));
        expect(other.state.digest).toEqual(d.state.digest);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ["goes by path through what one transaction made", () => d.apply(close, 2n), ["/q/e", limits, "/zz"], 1],
    ["and in logs of old as it was made", () => applyAsOfOld(close, 2n), ["/zz", limits, "/q/e"], 2],
  ])("%s", (_what, end, order, count) => {
    d.set(stats, Buffer.from("count=1,bytes=8"));
    const made = [ephemeral("/zz"), ephemeral(limits, "count=5"), ephemeral("/q/e")];
    d.apply({ type: OpCode.multi, request: made }, 2n);
    end();
    // What goes after the limits is not counted for them.
    expect([deleted(d), String(d.state.tree.get(stats)?.data)]).toEqual([order, `count=${count},bytes=8`]);
  });

  test("in logs of old takes them as they stand in memory: one whose deletion failed goes last", () => {
    d.create(limits, CreateMode.ephemeral, Buffer.from("count=5"), 2n);
    d.create("/q/e", CreateMode.ephemeral, Buffer.from("12345"), 2n);
    const failed: MultiOperation[] = [
      { type: OpCode.delete, path: limits, version: -1 },
      { type: OpCode.delete, path: "/missing", version: -1 },
    ];
    d.apply({ type: OpCode.multi, request: failed }, 2n);
    applyAsOfOld(close, 2n);
    expect([deleted(d), String(d.state.tree.get(stats)?.data)]).toEqual([["/q/e", limits], "count=2,bytes=9"]);
  });

  test("in logs of old takes them as they stand in a snapshot, after a start from it", () => {
    d.delete("/first");
    d.delete("/second");
    d.create("/q/e", CreateMode.ephemeral, Buffer.from("12345"), 2n);
    d.create(limits, CreateMode.ephemeral, Buffer.from("count=5"), 2n);
    d = startedFromSnapshot();
    applyAsOfOld(close, 2n);
    expect([deleted(d), String(d.state.tree.get(stats)?.data)]).toEqual([[limits, "/q/e"], "count=2,bytes=9"]);
  });
});

describe("the end of a node with a time to live", () => {
  const time = 1_000_000;
  const apply = (operation: Operation, timeMs: number) => d.state.apply({ ...d.entry(operation, 1n), timeMs }).outcome;
  const set: Operation = { type: OpCode.setData, request: { path: "/t", data: Buffer.from("renewed"), version: -1 } };
  const reap = (): Operation => {
    const reaper = new Reaper(d.state, 1e9);
    reaper.begin();
    const [request] = reaper.nextDue(time + 1_001);
    if (request === undefined) throw new Error("the node is due");
    return { type: OpCode.deleteContainer, request };
  };

  beforeEach(() => {
    const flags = CreateMode.persistentWithTtl;
    apply({ type: OpCode.createTTL, request: { path: "/t", data: null, acl: openAcl, flags, ttl: 1_000 } }, time);
  });

  test("comes when it is due", () => {
    expect(apply(reap(), time + 1_001)).toEqual({ type: "deleted" });
    expect(d.state.tree.get("/t")).toBeUndefined();
  });

  test("does not come when an entry before it has set its data", () => {
    const due = reap();
    expect(apply(set, time + 1_001)).toMatchObject({ type: "changed" });
    expect(apply(due, time + 1_001)).toEqual({ type: "checked" });
    expect(d.state.tree.get("/t")?.data?.toString()).toBe("renewed");
    expect(apply(due, time + 2_002)).toEqual({ type: "deleted" });
  });

  test("came nevertheless in logs of old", () => {
    const due = reap();
    apply(set, time + 1_001);
    applyAsOfOld(due, 0n, time + 1_001);
    expect([d.state.tree.get("/t"), deleted(d)]).toEqual([undefined, ["/t"]]);
  });
});
