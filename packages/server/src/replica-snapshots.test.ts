import { openAcl } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness } from "../test-support/replica-harness.ts";
import { SnapshotSchedule } from "./replica/snapshot-schedule.ts";

/** Of the harness's draws: a snapshot is due after this part of the entries between two. */
const share = 0.75;

test("a snapshot is due after so many entries, or twice as many as there were nodes at the last one if they are more", () => {
  const harness = new ReplicaHarness({ limits: { snapshotEntries: 40 } });
  const client = harness.connect();
  /** Nodes of the tree, and writes since the snapshot before, at each snapshot. */
  const taken: { readonly nodes: number; readonly writes: number }[] = [];
  let writes = 0;
  for (let n = 0; taken.length < 6; n++) {
    client.call("create", { path: `/n${n}`, data: null, acl: openAcl, flags: 0 });
    writes++;
    if (harness.snapshots.length === taken.length) continue;
    const { tree, lastZxid } = harness.replica.state;
    taken.push({ nodes: tree.nodeCount, writes });
    writes = 0;
    harness.input({ type: "snapshotEnded", written: { zxid: lastZxid, tookMs: 0 } });
  }
  const [first, ...others] = taken;
  // The session's own entry counts, too.
  expect(first?.writes).toBe(share * 40 - 1);
  for (const [i, { writes }] of others.entries()) {
    expect(writes).toBe(Math.ceil(share * Math.max(40, 2 * (taken[i]?.nodes ?? 0))));
  }
  expect(others.at(-1)?.writes).toBeGreaterThan(100);
});

describe("after one that took a while", () => {
  const tookMs = 300;

  function taken(limits: { readonly snapshotLogBytes: number }): ReplicaHarness {
    const harness = new ReplicaHarness({ limits: { snapshotEntries: 40, ...limits } });
    const client = harness.connect();
    while (harness.snapshots.length === 0) client.call("create", { path: "/n", data: null, acl: openAcl, flags: 0 });
    harness.nowMs += tookMs;
    harness.input({ type: "snapshotEnded", written: { zxid: harness.replica.state.lastZxid, tookMs } });
    return harness;
  }

  test("ten times as long passes before the next, however many write", () => {
    const harness = taken({ snapshotLogBytes: 0 });
    const client = harness.connect();
    const write = () => client.call("setData", { path: "/n", data: null, version: -1 });
    for (let n = 0; n < 200; n++) write();
    harness.nowMs += 10 * tookMs - 1;
    write();
    expect(harness.snapshots).toHaveLength(1);
    harness.nowMs += 1;
    write();
    expect(harness.snapshots).toHaveLength(2);
  });

  test("it is not waited for a write then", () => {
    const harness = taken({ snapshotLogBytes: 0 });
    const client = harness.connect();
    for (let n = 0; n < 200; n++) client.call("setData", { path: "/n", data: null, version: -1 });
    harness.nowMs += 10 * tookMs;
    harness.input({ type: "pulse" });
    expect(harness.snapshots).toHaveLength(2);
  });

  test.each([
    { why: "the log has grown by what it may", snapshotLogBytes: 100_000 },
    { why: "it is asked for", snapshotLogBytes: 0 },
  ])("one comes at once when $why", ({ snapshotLogBytes }) => {
    const harness = taken({ snapshotLogBytes });
    const client = harness.connect();
    if (snapshotLogBytes === 0) harness.input({ type: "snapshotWanted" });
    else client.call("setData", { path: "/n", data: Buffer.alloc(snapshotLogBytes), version: -1 });
    expect(harness.snapshots).toHaveLength(2);
  });
});

test.each([
  { what: "entries", sinceSnapshot: { entries: share * 40 - 2, bytes: 0 } },
  { what: "bytes", sinceSnapshot: { entries: 0, bytes: 999_000 } },
])("what the log had at the start counts: $what", ({ sinceSnapshot }) => {
  const harness = new ReplicaHarness({ limits: { snapshotEntries: 40, snapshotLogBytes: 1_000_000 }, sinceSnapshot });
  const client = harness.connect();
  expect(harness.snapshots).toEqual([]);
  client.call("create", { path: "/n", data: Buffer.alloc(1_000), acl: openAcl, flags: 0 });
  expect(harness.snapshots).toHaveLength(1);
});

test("where the log's length does not count, entries do", () => {
  const harness = new ReplicaHarness({ limits: { snapshotEntries: 40, snapshotLogBytes: 0 } });
  const client = harness.connect();
  client.call("create", { path: "/n", data: Buffer.alloc(1_000), acl: openAcl, flags: 0 });
  expect(harness.snapshots).toEqual([]);
  while (harness.snapshots.length === 0) client.call("delete", { path: "/none", version: -1 });
  expect(harness.replica.sinceSnapshot.entries).toBe(0);
});

test("a server that stops begins no snapshot, however many are due or asked for", () => {
  const harness = new ReplicaHarness({ limits: { snapshotEntries: 1, snapshotLogBytes: 1 }, log: "manual" });
  const client = harness.connect();
  harness.durable();
  expect(harness.snapshots).toHaveLength(1);
  client.send("create", { path: "/n", data: null, acl: openAcl, flags: 0 });
  harness.input({ type: "snapshotWanted" });
  harness.input({ type: "stop" });
  harness.durable();
  harness.input({ type: "snapshotEnded", written: { zxid: 1, tookMs: 1 } });
  harness.input({ type: "snapshotWanted" });
  expect(harness.snapshots).toHaveLength(1);
});

describe("when nobody writes any more", () => {
  function written(writes: number, limits = { snapshotEntries: 80 }): ReplicaHarness {
    const harness = new ReplicaHarness({ limits });
    const client = harness.connect();
    // The session's own entry counts, too.
    for (let n = 1; n < writes; n++) client.call("create", { path: `/n${n}`, data: null, acl: openAcl, flags: 0 });
    harness.input({ type: "pulse" });
    expect(harness.snapshots).toEqual([]);
    return harness;
  }

  test.each([
    { writes: 9, taken: 0 },
    { writes: 10, taken: 1 },
  ])("an eighth of the entries is enough: $writes of 80", ({ writes, taken }) => {
    const harness = written(writes);
    for (let n = 0; n < 3; n++) harness.input({ type: "pulse" });
    expect(harness.snapshots).toHaveLength(taken);
  });

  test("of many nodes, an eighth of them", () => {
    const limits = { snapshotEntries: 80, snapshotLogBytes: 0 };
    const random = { fraction: () => 0.5 };
    const schedule = new SnapshotSchedule({ limits, random, since: { entries: 124, bytes: 0 }, nodeCount: 1_000 });
    schedule.onPulse(1_000, 0);
    expect(schedule.isDue(0)).toBe(false);
    schedule.onApplied();
    schedule.onPulse(1_000, 0);
    expect(schedule.isDue(0)).toBe(false);
    schedule.onPulse(1_000, 0);
    expect(schedule.isDue(0)).toBe(true);
    schedule.begin(1_000);
    expect(schedule.isDue(0)).toBe(false);
  });

  test("a write between two pulses puts it off, but not one among thousands", () => {
    const harness = written(20);
    const client = harness.connect();
    for (let n = 0; n < 5; n++) {
      client.call("delete", { path: "/none", version: -1 });
      client.call("setData", { path: "/n1", data: null, version: -1 });
      harness.input({ type: "pulse" });
    }
    expect(harness.snapshots).toEqual([]);
    harness.input({ type: "pulse" });
    expect(harness.snapshots).toHaveLength(1);

    const busy = written(2_000, { snapshotEntries: 8_000 });
    busy.connect().call("setData", { path: "/n1", data: null, version: -1 });
    busy.input({ type: "pulse" });
    expect(busy.snapshots).toHaveLength(1);
  });

  test("writes that wait for the disk put it off, though none is applied", () => {
    const harness = new ReplicaHarness({ limits: { snapshotEntries: 80 }, log: "manual" });
    harness.durable();
    const client = harness.connect();
    const write = () => client.send("create", { path: "/n", data: null, acl: openAcl, flags: 0 });
    for (let n = 0; n < 20; n++) write();
    harness.durable();
    write();
    for (let n = 0; n < 5; n++) harness.input({ type: "pulse" });
    expect(harness.snapshots).toEqual([]);
    harness.durable();
    for (let n = 0; n < 2; n++) harness.input({ type: "pulse" });
    expect(harness.snapshots).toHaveLength(1);
  });

  test.each([{ type: "logFailed" }, { type: "diskSpace", isLow: true }] as const)(
    "none is taken on a disk that takes no writes: $type",
    (input) => {
      const harness = written(20);
      harness.input(input);
      for (let n = 0; n < 3; n++) harness.input({ type: "pulse" });
      expect(harness.snapshots).toEqual([]);
      expect(harness.replica.sinceSnapshot.entries).toBe(20);
    },
  );

  test("one that a start has found in the log is as good", () => {
    const harness = new ReplicaHarness({ limits: { snapshotEntries: 80 }, sinceSnapshot: { entries: 10, bytes: 0 } });
    harness.connect().call("create", { path: "/n", data: null, acl: openAcl, flags: 0 });
    harness.input({ type: "pulse" });
    expect(harness.snapshots).toEqual([]);
    harness.input({ type: "pulse" });
    expect(harness.snapshots).toHaveLength(1);
  });
});
