/** What is due by the clock comes in slices, however much it is: nobody waits for all of it. */
import { CreateMode, OpCode, openAcl } from "@corral/protocol";
import { expect, test } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";
import { StateDriver } from "../../test-support/state-driver.ts";
import { Reaper } from "./reaper.ts";

test("the reaper looks at no more than 10,000 nodes in one go, and takes up where it was", () => {
  const { state } = treeOf(25_000, (i) => (i === 24_999 ? 1 : 1e9));
  const reaper = new Reaper(state, 1e9);
  let looks = 0;
  const nodes = state.tree.reapable();
  state.tree.reapable = function* () {
    for (const node of nodes) {
      looks++;
      yield node;
    }
  };
  reaper.begin();
  const slices: unknown[] = [];
  for (let before = 0; reaper.isUnderWay; before = looks) {
    slices.push([reaper.nextDue(100_000).map(({ path }) => path), looks - before]);
    // Already under way.
    if (reaper.isUnderWay) reaper.begin();
  }
  expect(slices).toEqual([
    [[], 10_000],
    [[], 10_000],
    [["/24999"], 5_000],
  ]);
});

test("it finds no more than 1,000 in one go, and 10,000 in a round", () => {
  const { state } = treeOf(11_000, () => 1);
  const reaper = new Reaper(state, 1e9);
  const found: number[] = [];
  reaper.begin();
  while (reaper.isUnderWay) found.push(reaper.nextDue(100_000).length);
  expect(found).toEqual(Array.from({ length: 10 }, () => 1_000));
});

test("nodes that come and go between two slices are no harm to the round", () => {
  const d = treeOf(10_001, () => 1e9);
  const reaper = new Reaper(d.state, 1e9);
  reaper.begin();
  reaper.nextDue(100_000);
  for (const i of [9_999, 10_000]) d.delete(`/${i}`);
  const request = { path: "/new", data: null, acl: openAcl, flags: CreateMode.container };
  d.apply({ type: OpCode.createContainer, request });
  d.create("/new/child");
  d.delete("/new/child");
  expect(reaper.nextDue(100_000).map(({ path }) => path)).toEqual(["/new"]);
});

test("a round of the replica goes through all of them", () => {
  const { state } = treeOf(35_000, (i) => (i % 7_000 === 0 ? 1 : 1e9));
  const h = new ReplicaHarness({ state });
  h.pass(62_000);
  expect(state.tree.nodeCount).toBe(35_000 - 5 + 5);
  expect(h.wentOn).toBe(3);
});

test("sessions that expire together end in slices of 1,000", () => {
  const h = new ReplicaHarness();
  for (let i = 0; i < 2_500; i++) h.connect(4_000);
  const survivor = h.connect(20_000);
  h.pass(6_000);
  expect([...h.replica.state.sessions].map(({ id }) => id)).toEqual([survivor.sessionId]);
  expect([h.wentOn, h.replica.stats.sessionsExpiredTotal]).toEqual([2, 2_500]);
});

/** Nodes with a time to live. */
function treeOf(count: number, ttlOf: (i: number) => number): StateDriver {
  const d = new StateDriver();
  d.session(1n);
  for (let i = 0; i < count; i++) {
    const request = { path: `/${i}`, data: null, acl: openAcl, flags: CreateMode.persistentWithTtl, ttl: ttlOf(i) };
    d.state.apply(d.entry({ type: OpCode.createTTL, request }, 1n));
  }
  return d;
}
