/** Who is not read, and that everybody is read again. */
import { openAcl } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";

const node = (path: string, size = 1) => ({ path, data: Buffer.alloc(size), acl: openAcl, flags: 0 });

describe("when more is proposed than may be", () => {
  /** Two entries may be under way and three are; a reader was looked at meanwhile. */
  const crowded = () => {
    const h = new ReplicaHarness({ log: "manual", limits: { maxProposedEntries: 2 } });
    const [writer, reader] = [h.connect(), h.connect()];
    h.durable();
    for (const path of ["/a", "/b", "/c"]) writer.send("create", node(path));
    reader.send("exists", { path: "/", watch: false });
    expect([writer.paused, reader.paused]).toEqual([true, true]);
    return { h, writer, reader };
  };

  test("nobody is read until half of it is applied, and then everybody is", () => {
    const { h, writer, reader } = crowded();
    h.durable(h.pendingZxid - 1);
    expect([writer.paused, reader.paused]).toEqual([false, false]);
  });

  test("everybody waits until half is applied: or who had to wait would do so for as long as others go on", () => {
    const { h, writer, reader } = crowded();
    h.durable(h.pendingZxid - 2);
    const other = h.dial();
    for (const client of [reader, other]) h.input({ type: "drained", connection: client.id });
    expect([h.replica.outstanding, writer.paused, reader.paused, other.paused]).toEqual([2, true, true, true]);
    h.durable();
    expect([writer.paused, reader.paused, other.paused]).toEqual([false, false, false]);
  });

  test("a look at the clock lifts that for nobody", () => {
    const { h, writer, reader } = crowded();
    h.durable(h.pendingZxid - 2);
    h.pass(1_000);
    const other = h.dial();
    h.input({ type: "drained", connection: other.id });
    expect([writer.paused, reader.paused, other.paused]).toEqual([true, true, true]);
  });

  test("and the log fails, readers are read on: there is nothing left to wait for", () => {
    const { h, writer, reader } = crowded();
    h.input({ type: "logFailed" });
    expect([writer.closed, reader.closed, reader.paused]).toEqual([true, false, false]);
    expect(reader.call("exists", { path: "/", watch: false })).toMatchObject({ stat: { version: 0 } });
  });
});

test("who was not read for other reasons is read on while less is proposed than may be", () => {
  const h = new ReplicaHarness({ log: "manual", limits: { maxProposedEntries: 4, softUnsentBytes: 1_000 } });
  const [writer, reader] = [h.connect(), h.connect()];
  h.durable();
  writer.send("create", node("/big", 2_000));
  h.durable();
  const read = reader.encode("getData", { path: "/big", watch: false });
  h.input({ type: "frames", connection: reader.id, frames: [read], unsentBytes: 2_000 });
  expect(reader.paused).toBe(true);
  for (const path of ["/a", "/b", "/c"]) writer.send("create", node(path));
  // What it has left before, and the answer.
  for (let i = 0; i < 2; i++) h.input({ type: "drained", connection: reader.id });
  expect([h.replica.outstanding, reader.paused]).toEqual([3, false]);
});

test("answers that seemed to be taken and wait after all count: nothing more is read until they are", () => {
  const h = new ReplicaHarness({ limits: { softUnsentBytes: 1_000 } });
  const reader = h.connect();
  h.input({ type: "drained", connection: reader.id });
  expect(reader.paused).toBe(false);
  h.input({ type: "unsent", connection: reader.id, bytes: 2_000 });
  expect(reader.paused).toBe(true);
  expect([...h.replica.connections].map(({ unsentBytes }) => unsentBytes)).toEqual([2_000]);
  h.input({ type: "drained", connection: reader.id });
  expect(reader.paused).toBe(false);
});

test("the session of one that is read on at a tick is not over at the same tick: what came meanwhile is still unread", () => {
  const h = new ReplicaHarness({ log: "manual", limits: { maxPendingRequests: 2 }, minSessionTimeoutMs: 600 });
  h.pass(1_000);
  const [client, other] = [h.connect(600), h.connect(20_000)];
  h.durable();
  h.nowMs += 350;
  for (const path of ["/a", "/b"]) other.send("create", node(path));
  const othersZxid = h.pendingZxid;
  client.send("create", node("/c"));
  h.nowMs += 300;
  h.durable(othersZxid);
  expect(client.paused).toBe(true);
  h.nowMs = 2_000;
  h.input({ type: "tick" });
  expect([client.paused, client.closed]).toEqual([false, false]);
});

describe("the session of one that is not read because it has left answers", () => {
  /** It owes more than it may, and so is not read. */
  const owing = () => {
    const h = new ReplicaHarness({ limits: { softUnsentBytes: 1_000 } });
    const client = h.connect(4_000);
    client.call("create", node("/big", 2_000));
    const read = client.encode("getData", { path: "/big", watch: false });
    h.input({ type: "frames", connection: client.id, frames: [read, read], unsentBytes: 2_000 });
    expect(client.paused).toBe(true);
    return { h, client };
  };

  test("ends when it takes none of them", () => {
    const { h, client } = owing();
    h.pass(6_000);
    expect(client.closed).toBe(true);
  });

  test("lives when it takes all of what was sent to it, though it has more to come", () => {
    const { h, client } = owing();
    const reads = Array.from({ length: 20 }, () => client.encode("getData", { path: "/big", watch: false }));
    h.input({ type: "frames", connection: client.id, frames: reads, unsentBytes: 2_000 });
    for (let round = 0; round < 10; round++) {
      h.pass(2_000);
      h.input({ type: "drained", connection: client.id });
      expect([client.paused, client.closed]).toEqual([true, false]);
    }
  });
});
