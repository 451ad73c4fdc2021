/** Bounds of what all connections hold together, and of how long the disk may keep writers waiting. */
import { type Acl, ErrorCode, OpCode, openAcl } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";
import { tooLongAcl } from "./acl-limit.ts";

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

test("an access list that would be longer than a frame is refused, though it is short when it is asked for", () => {
  const limits = { maxAclEntries: 100, maxFrameBytes: 2_000 };
  const h = new ReplicaHarness({ limits });
  const client = h.connect();
  client.call("create", node("/a"));
  const auth = Buffer.from(`${"u".repeat(500)}:password`);
  client.send("auth", { type: 0, scheme: "digest", auth }, -4);
  const list = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ perms: 31 - i, id: { scheme: "auth", id: "" } }));
  expect(client.call("setACL", { path: "/a", acl: list(4), version: -1 })).toBe(ErrorCode.InvalidAcl);
  expect(client.call("setACL", { path: "/a", acl: list(1), version: -1 })).toHaveProperty("stat");
  // As many bytes as came, each of which was none of UTF-8.
  const asked = (length: number) => {
    const acl = [{ perms: 31, id: { scheme: "digest", id: `a:${"\ufffd".repeat(length)}` } }];
    return { type: OpCode.setACL, request: { path: "/a", acl, version: -1 } };
  };
  expect(tooLongAcl(asked(700), limits, { identities: [] })).toEqual({ type: "error", code: ErrorCode.InvalidAcl });
  expect(tooLongAcl(asked(600), limits, { identities: [] })).toBeUndefined();
});

describe("of an access list, only what is stored counts", () => {
  const limits = { maxAclEntries: 1_000, maxFrameBytes: 10_000 };
  const invalid = { type: "error", code: ErrorCode.InvalidAcl };
  const auth = (perms: number) => ({ perms, id: { scheme: "auth", id: "" } });
  /** Of which each takes 100 bytes. */
  const proven = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ scheme: "digest", id: `${i}:`.padEnd(82, "x") }));
  const set = (acl: readonly Acl[]) => ({ type: OpCode.setACL, request: { path: "/a", acl, version: -1 } }) as const;
  const multi = (...lists: (readonly Acl[])[]) =>
    ({ type: OpCode.multi, request: lists.map((acl) => ({ type: OpCode.create, ...node("/a"), acl })) }) as const;

  test.each([
    ["each permission of auth once", Array.from({ length: 1_000 }, (_, i) => auth(i % 2)), proven(50), proven(51)],
    ["no address, and no superuser", [auth(31)], [{ scheme: "super", id: "" }, ...proven(100)], proven(101)],
    [
      "what an identity has already once",
      [auth(31), ...proven(50).map((id) => ({ perms: 31, id }))],
      [{ scheme: "ip", id: "10.0.0.1" }, ...proven(100)],
      proven(101),
    ],
  ])("%s", (_what, acl, few, many) => {
    expect(tooLongAcl(set(acl), limits, { identities: few })).toBeUndefined();
    expect(tooLongAcl(set(acl), limits, { identities: many })).toEqual(invalid);
  });

  test("equal entries once, though their text has grown", () => {
    const entry = { perms: 31, id: { scheme: "digest", id: `a:${"\ufffd".repeat(2_000)}` } };
    expect(tooLongAcl(set([entry, entry]), limits, { identities: [] })).toBeUndefined();
    expect(tooLongAcl(set([entry, { ...entry, perms: 1 }]), limits, { identities: [] })).toEqual(invalid);
  });

  test("in a transaction all lists together take sixteen frames at most", () => {
    const list = [auth(31)];
    const identities = proven(100);
    const most = Array.from({ length: 16 }, () => list);
    expect(tooLongAcl(multi(...most), limits, { identities })).toBeUndefined();
    expect(tooLongAcl(multi(list, openAcl, ...most), limits, { identities })).toMatchObject({
      results: [...Array.from({ length: 17 }, () => ({})), { err: ErrorCode.InvalidAcl }],
    });
  });

  test("a list that is wrong ends a transaction, and nobody puts in identities for those behind it", () => {
    let looks = 0;
    const identities = proven(100).map(({ scheme, id }) => ({
      scheme,
      get id() {
        looks++;
        return id;
      },
    }));
    const wrong = [auth(31), auth(1), auth(2), { perms: 31, id: { scheme: "unheard-of", id: "x" } }];
    expect(tooLongAcl(multi(wrong), limits, { identities })).toBeUndefined();
    const [once] = [looks];
    expect(once).toBeGreaterThan(0);
    looks = 0;
    expect(tooLongAcl(multi(...Array.from({ length: 50 }, () => wrong)), limits, { identities })).toBeUndefined();
    expect(looks).toBeLessThanOrEqual(once);
  });

  test("who asks for auth a thousand times gets it, through a connection", () => {
    const h = new ReplicaHarness({ limits: { maxFrameBytes: 20_000 } });
    const client = h.connect();
    for (let i = 0; i < 95; i++) {
      client.send("auth", { type: 0, scheme: "digest", auth: Buffer.from(`user${i}:password`) }, -4);
    }
    const acl = Array.from({ length: 1_000 }, () => auth(31));
    client.call("create", { ...node("/a"), acl });
    expect(h.replica.state.tree.get("/a")?.acl).toHaveLength(95);
  });
});

test("an access list that is too long is refused, in a transaction too", () => {
  const h = new ReplicaHarness({ limits: { maxAclEntries: 2 } });
  const client = h.connect();
  const list = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ perms: 31, id: { scheme: "ip", id: `10.0.0.${i}` } }));
  expect(client.call("create", { ...node("/a"), acl: list(3) })).toBe(ErrorCode.InvalidAcl);
  client.call("create", node("/a"));
  expect(client.call("setACL", { path: "/a", acl: list(3), version: -1 })).toBe(ErrorCode.InvalidAcl);
  expect(client.call("setACL", { path: "/a", acl: list(2), version: -1 })).toHaveProperty("stat");
  const parts = [
    { type: OpCode.create, ...node("/b") },
    { type: OpCode.create, ...node("/c"), acl: list(3) },
  ] as const;
  expect(client.call("multi", parts)).toMatchObject([{ err: ErrorCode.Ok }, { err: ErrorCode.InvalidAcl }]);
  expect(client.call("exists", { path: "/b", watch: false })).toBe(ErrorCode.NoNode);
});
