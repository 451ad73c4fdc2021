/** Bounds of what all connections hold together, and of how long the disk may keep writers waiting. */
import { ErrorCode, openAcl } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

const node = (path: string, size = 1) => ({ path, data: Buffer.alloc(size), acl: openAcl, flags: 0 });
const replies = (client: TestClient) => client.received.filter(({ kind }) => kind === "reply").length;

describe("answers that nobody takes, of all connections together", () => {
  test("who has left any is not answered; who has taken all is; and each goes on when it takes its own", () => {
    const h = new ReplicaHarness({ limits: { maxUnsentBytes: 10_000 } });
    const [lazy, lazier, good] = [h.connect(), h.connect(), h.connect()];
    good.call("create", node("/big", 6_000));
    for (const client of [lazy, lazier, good]) h.input({ type: "drained", connection: client.id });
    const read = (client: TestClient) => client.encode("getData", { path: "/big", watch: false });
    for (const client of [lazy, lazier]) client.frames(read(client));
    // Together they leave more than is allowed: neither is answered any further.
    for (const client of [lazy, lazier]) {
      h.input({ type: "frames", connection: client.id, frames: [read(client), read(client)], unsentBytes: 6_000 });
      expect([replies(client), client.paused]).toEqual([1, true]);
    }
    good.frames(read(good));
    expect(replies(good)).toBe(2);
    h.input({ type: "drained", connection: good.id });
    h.input({ type: "drained", connection: lazy.id });
    expect([replies(lazy), replies(lazier)]).toEqual([3, 1]);
    // One of them is gone: what it had left counts no more.
    h.input({ type: "disconnected", connection: lazy.id });
    h.input({ type: "frames", connection: lazier.id, frames: [read(lazier)], unsentBytes: 6_000 });
    h.input({ type: "drained", connection: lazier.id });
    h.input({ type: "drained", connection: lazier.id });
    expect([replies(lazier), lazier.paused]).toEqual([4, false]);
  });
});

test("the more connections there are, the less each is answered at a time", () => {
  const h = new ReplicaHarness({ limits: { maxUnsentBytes: 200_000 } });
  const clients = Array.from({ length: 4 }, () => h.connect());
  const [a] = clients;
  a?.call("create", node("/big", 20_000));
  for (const client of clients) h.input({ type: "drained", connection: client.id });
  const reads = Array.from(
    { length: 10 },
    () => a?.encode("getData", { path: "/big", watch: false }) ?? Buffer.alloc(0),
  );
  a?.frames(...reads);
  // 50,000 bytes are its share, which the third answer exceeds.
  expect(a && replies(a)).toBe(1 + 3);
  if (a !== undefined) h.input({ type: "drained", connection: a.id });
  expect(a && replies(a)).toBe(1 + 6);
});

describe("requests that wait, of all connections together", () => {
  test("above the bound a connection of which some wait is not read, and others are", () => {
    const h = new ReplicaHarness({ log: "manual", limits: { maxPendingBytes: 10_000 } });
    const [a, b, c] = [h.connect(), h.connect(), h.connect()];
    h.durable();
    a.send("create", node("/a", 6_000));
    expect(a.paused).toBe(false);
    b.send("create", node("/b", 6_000));
    c.send("exists", { path: "/", watch: false });
    expect([a.paused, b.paused, c.paused]).toEqual([false, true, false]);
    a.send("create", node("/c"));
    expect(a.paused).toBe(true);
    h.durable();
    expect([a.paused, b.paused, c.paused]).toEqual([false, false, false]);
  });

  test("the same by their number", () => {
    const h = new ReplicaHarness({ log: "manual", limits: { maxPendingRequests: 2 } });
    const [a, b, c] = [h.connect(), h.connect(), h.connect()];
    h.durable();
    for (const path of ["/a", "/b"]) a.send("create", node(path));
    expect(a.paused).toBe(false);
    b.send("create", node("/c"));
    c.send("exists", { path: "/", watch: false });
    expect([a.paused, b.paused, c.paused]).toEqual([false, true, false]);
    h.input({ type: "disconnected", connection: a.id });
    h.durable();
    b.send("create", node("/d"));
    expect(b.paused).toBe(false);
  });

  test("what was asked over connections that have ended counts no more", () => {
    const h = new ReplicaHarness({ log: "manual", limits: { maxPendingBytes: 10_000 } });
    const [a, b] = [h.connect(), h.connect()];
    h.durable();
    a.send("create", node("/a", 12_000));
    h.input({ type: "disconnected", connection: a.id });
    b.send("create", node("/b"));
    expect(b.paused).toBe(false);
  });
});

test("who is heard without being read yet keeps its session", () => {
  const h = new ReplicaHarness();
  const [heard, silent] = [h.connect(), h.connect()];
  const sessions = () => [...h.replica.connections].map(({ id }) => id);
  for (let passed = 0; passed < 60_000; passed += 1_000) {
    h.input({ type: "heard", connections: [heard.id, 4711] });
    h.pass(1_000);
  }
  expect([heard.closed, silent.closed]).toEqual([false, true]);
  expect(sessions()).toEqual([heard.id]);
});

test("watches of all connections together: who sets one more is disconnected, and its watches go with it", () => {
  const h = new ReplicaHarness({ limits: { maxWatches: 3 } });
  const [a, b] = [h.connect(), h.connect()];
  for (const path of ["/a", "/b"]) a.call("exists", { path, watch: true });
  b.call("exists", { path: "/a", watch: true });
  a.call("exists", { path: "/b", watch: true });
  expect(h.replica.watchCount).toBe(3);
  b.send("exists", { path: "/b", watch: true });
  expect([a.closed, b.closed, h.replica.watchCount]).toEqual([false, true, 2]);
  expect(h.logs.at(-1)?.fields.reason).toBe("4 watches are set (limit maxWatches)");
});

describe("a disk that keeps writers waiting", () => {
  test("for too long: more writes are refused, in their turn and without a trace; reads and ends of sessions are not", () => {
    const h = new ReplicaHarness({ log: "manual", limits: { writeWaitMs: 100 } });
    const [a, b, c] = [h.connect(), h.connect(), h.connect()];
    h.durable();
    a.send("create", node("/a"));
    h.nowMs += 100;
    b.send("create", node("/b"));
    h.nowMs += 1;
    a.send("create", node("/a/late"));
    a.send("exists", { path: "/", watch: false });
    expect(c.call("create", node("/c"))).toBe(ErrorCode.ThrottledOp);
    expect(c.call("exists", { path: "/c", watch: false })).toBe(ErrorCode.NoNode);
    c.send("closeSession", {});
    expect(h.replica.stats.throttledTotal).toBe(2);
    h.durable();
    expect(a.received.flatMap((r) => (r.kind === "reply" ? [r.header.err] : []))).toEqual([
      0,
      ErrorCode.ThrottledOp,
      0,
    ]);
    expect(c.closed).toBe(true);
    expect(b.call("exists", { path: "/b", watch: false })).toMatchObject({ stat: { version: 0 } });
    expect(b.call("exists", { path: "/a/late", watch: false })).toBe(ErrorCode.NoNode);
    b.send("create", node("/c"));
    h.durable();
    expect(b.received.at(-1)).toMatchObject({ header: { err: 0 } });
  });

  test("may do so for ever where nothing else is said", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const c = h.connect();
    h.durable();
    c.send("create", node("/a"));
    h.nowMs += 1_000_000;
    c.send("create", node("/b"));
    expect(h.replica.outstanding).toBe(2);
  });
});

test("a disk that is nearly full: writes are refused and reads are not, sessions come and go, and it passes", () => {
  const h = new ReplicaHarness();
  const client = h.connect();
  client.call("create", node("/a"));
  h.input({ type: "diskSpace", isLow: true });
  expect(h.replica.diskIsLow).toBe(true);
  client.frames(client.encode("create", node("/b")));
  client.frames(client.encode("delete", { path: "/a", version: -1 }));
  client.frames(client.encode("exists", { path: "/a", watch: false }));
  const errors = client.received.flatMap((one) => (one.kind === "reply" ? [one.header.err] : []));
  expect(errors.slice(-3)).toEqual([ErrorCode.SystemError, ErrorCode.SystemError, ErrorCode.Ok]);
  const other = h.connect();
  expect(other.received[0]?.kind).toBe("connected");
  other.frames(other.encode("closeSession", {}));
  expect(other.closed).toBe(true);
  h.input({ type: "diskSpace", isLow: false });
  client.call("create", node("/b"));
  expect(h.replica.state.tree.get("/b")).toBeDefined();
});

test("sessions: those that are on their way to the disk count too, until they are there or gone", () => {
  const h = new ReplicaHarness({ log: "manual", limits: { maxSessions: 2 } });
  const burst = [h.dial(), h.dial(), h.dial()];
  for (const client of burst) client.handshake();
  expect(burst.map(({ closed }) => closed)).toEqual([false, false, true]);
  h.durable();
  expect(h.replica.state.sessions.size).toBe(2);
  burst[0]?.send("closeSession", {});
  h.durable();
  const next = h.dial();
  next.handshake();
  h.durable();
  expect([next.closed, h.replica.state.sessions.size]).toEqual([false, 2]);
});
