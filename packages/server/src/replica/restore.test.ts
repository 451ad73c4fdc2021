import { ErrorCode, openAcl } from "@corral/protocol";
import { expect, test } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";
import { StateDriver } from "../../test-support/state-driver.ts";
import { restorePart } from "../state/operation.ts";
import { snapshotChunks } from "../state/snapshot.ts";

const node = (path: string) => ({ path, data: null, acl: openAcl, flags: 0 });

/** The pieces of a snapshot that has the node /restored. */
function pieces(): readonly Uint8Array[] {
  const source = new StateDriver();
  source.session(1n);
  source.create("/restored");
  return [...snapshotChunks(source.state)];
}

function give(h: ReplicaHarness, number: number): void {
  const chunks = pieces();
  const chunk = chunks[number] ?? new Uint8Array(0);
  h.input({ type: "restorePart", part: { number, isLast: number === chunks.length - 1, chunk } });
}

test("with the last piece everybody's session is over, and writes under way are of the former tree or refused", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const before = h.connect();
  h.durable();
  before.send("getData", { path: "/", watch: true });
  before.send("create", node("/under-way"));
  const connecting = h.dial();
  for (const number of [0, 1, 2]) give(h, number);
  connecting.handshake();
  h.durable();
  expect([before.closed, connecting.closed]).toEqual([true, true]);
  expect(h.replica.connectionCount).toBe(0);
  expect(h.replica.watchCount).toBe(0);
  // Only the session that was asked for behind the restore goes on; nobody is connected to it.
  expect(h.replica.sessionDueTimes.flatMap(([, ids]) => ids)).not.toContain(before.sessionId);
  expect(h.replica.state.sessions.size).toBe(1);
  expect(h.replica.restoredZxid).toBeGreaterThan(0);
  // Who comes back with his session is told that it is over.
  const back = h.dial();
  back.handshake({ sessionId: before.sessionId, passwd: before.passwd });
  h.durable();
  expect(back.received.at(-1)).toMatchObject({ kind: "connected", sessionId: 0n });
  const after = h.connect();
  h.durable();
  expect(after.call("exists", { path: "/restored", watch: false })).toMatchObject({ stat: { version: 0 } });
  expect(after.call("exists", { path: "/under-way", watch: false })).toBe(ErrorCode.NoNode);
});

test("pieces that are under way are counted by themselves", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const client = h.connect();
  h.durable();
  client.send("create", node("/under-way"));
  for (const number of [0, 1]) give(h, number);
  const [first, second] = pieces().map(({ length }) => length);
  expect(h.replica.restoreBytes).toBe((first ?? 0) + (second ?? 0));
  expect(h.replica.outstandingBytes).toBeGreaterThan(h.replica.restoreBytes);
  h.durable();
  expect(h.replica.restoreBytes).toBe(0);
});

test("no snapshot is taken while the pieces come in, for it would lack them; one is taken behind the last", () => {
  const h = new ReplicaHarness();
  h.connect();
  give(h, 0);
  h.input({ type: "snapshotWanted" });
  give(h, 1);
  expect(h.snapshots).toEqual([]);
  give(h, 2);
  expect(h.snapshots.map(({ zxid }) => zxid)).toEqual([h.replica.restoredZxid]);
});

test("a snapshot that was coming in when the server stopped is given up when it starts again", () => {
  const former = new StateDriver();
  former.session(1n);
  former.create("/here");
  const [chunk = new Uint8Array(0)] = pieces();
  former.apply({ type: restorePart, request: { number: 0, isLast: false, chunk } }, 0n);
  const h = new ReplicaHarness({ state: former.state });
  expect(h.replica.state.isRestoring).toBe(false);
  expect(h.connect().call("exists", { path: "/here", watch: false })).toMatchObject({ stat: { version: 0 } });
  h.input({ type: "snapshotWanted" });
  expect(h.snapshots.length).toBe(1);
});

test("an epoch is raised once, whoever else wants one, and never goes back", () => {
  const h = new ReplicaHarness();
  expect(h.replica.epoch).toBe(1);
  h.input({ type: "raiseEpoch", epoch: 9 });
  h.input({ type: "raiseEpoch", epoch: 4 });
  expect(h.replica.epoch).toBe(9);
  h.connect();
  expect(Math.floor(h.replica.state.lastZxid / 2 ** 32)).toBe(9);
});
