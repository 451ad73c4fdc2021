import { CreateMode, ErrorCode, OpCode, openAcl, SpecialXid } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness } from "../test-support/replica-harness.ts";

const acl = openAcl;
const node = (path: string, flags = 0, data: Buffer | null = Buffer.from("x")) => ({ path, data, acl, flags });

describe("writes", () => {
  test("a write is neither visible nor answered before it is durable", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const a = h.connect();
    const b = h.connect();
    h.durable();
    a.send("create", node("/n"));
    expect(a.received).toHaveLength(1);
    expect(b.call("exists", { path: "/n", watch: false })).toBe(ErrorCode.NoNode);
    h.durable();
    expect(a.received.at(-1)).toMatchObject({ kind: "reply", header: { xid: 1, err: 0 } });
    expect(b.call("exists", { path: "/n", watch: false })).toMatchObject({ stat: { version: 0 } });
  });

  test("a read behind a write waits for it; pipelined writes are proposed together; replies keep the order", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const c = h.connect();
    h.durable();
    c.frames(
      c.encode("create", node("/n")),
      c.encode("getData", { path: "/n", watch: false }),
      c.encode("setData", { path: "/n", data: Buffer.from("2"), version: 0 }),
      c.encode("getData", { path: "/n", watch: false }),
      c.encode("ping", {}, SpecialXid.ping),
    );
    expect(h.replica.outstanding).toBe(2);
    h.durable();
    const xids = c.received.flatMap((r) => (r.kind === "reply" ? [[r.header.xid, r.header.err]] : []));
    expect(xids).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 0],
      [SpecialXid.ping, 0],
    ]);
  });

  test("every attempted write takes a zxid, a failed one too", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    const before = h.replica.state.lastZxid;
    c.call("create", node("/a"));
    c.call("create", node("/a"));
    c.call("delete", { path: "/missing", version: -1 });
    expect(h.replica.state.lastZxid - before).toBe(3);
  });

  test("when the log fails, writes in flight are cut off unanswered, later ones are refused, reads go on", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const a = h.connect();
    const b = h.connect();
    h.durable();
    a.send("create", node("/a"));
    h.input({ type: "logFailed" });
    expect(a.closed).toBe(true);
    expect(a.received).toHaveLength(1);
    expect(b.call("create", node("/b"))).toBe(ErrorCode.SystemError);
    expect(b.call("exists", { path: "/a", watch: false })).toBe(ErrorCode.NoNode);
  });
});

describe("watches", () => {
  test("the event comes before the reply of the write that caused it, to the writer too", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    c.call("exists", { path: "/n", watch: true });
    c.call("create", node("/n"));
    expect(c.received.slice(-2).map((r) => r.kind)).toEqual(["event", "reply"]);
    expect(c.events).toEqual(["1 /n"]);
  });

  test("a watch fires once, and a connection hears once of one change however many of its watches match", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    c.call("create", node("/n"));
    c.call("getData", { path: "/n", watch: true });
    c.call("exists", { path: "/n", watch: true });
    c.call("getChildren", { path: "/n", watch: true });
    c.call("addWatch", { path: "/n", mode: 0 });
    c.call("addWatch", { path: "/", mode: 1 });
    c.call("delete", { path: "/n", version: -1 });
    expect(c.events).toEqual(["2 /n"]);
  });

  test("watches end with their connection, and setWatches tells what was missed before its reply", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    c.call("create", node("/data"));
    c.call("create", node("/gone"));
    c.call("create", node("/same"));
    const seen = h.replica.state.lastZxid;
    h.input({ type: "disconnected", connection: c.id });
    const other = h.connect();
    other.call("setData", { path: "/data", data: null, version: -1 });
    other.call("delete", { path: "/gone", version: -1 });
    other.call("create", node("/new"));
    other.call("create", node("/same/child"));
    const back = h.dial();
    back.handshake({ sessionId: c.sessionId, passwd: c.passwd, lastZxidSeen: seen });
    back.call("setWatches", {
      relativeZxid: seen,
      dataWatches: ["/data", "/gone", "/same"],
      existWatches: ["/new", "/never"],
      childWatches: ["/same"],
    });
    expect(back.events).toEqual(["3 /data", "2 /gone", "1 /new", "4 /same"]);
    expect(back.received.at(-1)?.kind).toBe("reply");
    other.call("setData", { path: "/same", data: null, version: -1 });
    other.call("create", node("/never"));
    expect(back.events.slice(4)).toEqual(["3 /same", "1 /never"]);
  });

  test("setWatches does not tell again of the very change that the client has seen last", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    c.call("create", node("/n"));
    const afterData = h.replica.state.lastZxid;
    c.call("setWatches", {
      relativeZxid: afterData,
      dataWatches: ["/n"],
      existWatches: [],
      childWatches: ["/"],
    });
    expect(c.events).toEqual([]);
    c.call("setWatches", {
      relativeZxid: afterData - 1,
      dataWatches: ["/n"],
      existWatches: [],
      childWatches: ["/"],
    });
    expect(c.events).toEqual(["3 /n", "4 /"]);
  });
});

describe("sync and moves", () => {
  test("sync waits for everything that was proposed when it came, whoever asked", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const a = h.connect();
    const b = h.connect();
    h.durable();
    a.send("create", node("/n"));
    b.frames(b.encode("sync", { path: "/n" }), b.encode("exists", { path: "/n", watch: false }));
    expect(b.received).toHaveLength(1);
    a.send("create", node("/later"));
    h.durable();
    expect(b.received.slice(1)).toMatchObject([{ header: { err: 0 } }, { header: { err: 0 } }]);
  });

  test("sync behind an own write waits for both", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const a = h.connect();
    const b = h.connect();
    h.durable();
    b.send("create", node("/own"));
    const own = h.pendingZxid;
    a.send("create", node("/other"));
    b.frames(b.encode("sync", { path: "/" }), b.encode("exists", { path: "/other", watch: false }));
    h.durable(own);
    expect(b.received).toHaveLength(2);
    h.durable();
    expect(b.received.slice(2)).toMatchObject([{ header: { err: 0 } }, { header: { err: 0 } }]);
  });

  test("E.14 what the former connection still asks for after the session moved does not happen", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const old = h.connect();
    h.durable();
    const back = h.dial();
    back.handshake({ sessionId: old.sessionId, passwd: old.passwd });
    // The move is on its way to the disk; the old connection does not know, and speaks.
    old.send("create", node("/late", CreateMode.ephemeral));
    h.durable();
    expect(old.closed).toBe(true);
    back.frames(back.encode("sync", { path: "/" }), back.encode("exists", { path: "/late", watch: false }));
    h.durable();
    expect(back.received.at(-1)).toMatchObject({ header: { err: ErrorCode.NoNode } });
    expect(h.replica.state.tree.get("/late")).toBeUndefined();
  });

  test("what the former connection asked for before the move happens, and is there after a sync", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const old = h.connect();
    h.durable();
    old.send("create", node("/early"));
    const back = h.dial();
    back.handshake({ sessionId: old.sessionId, passwd: old.passwd });
    h.durable();
    back.frames(back.encode("sync", { path: "/" }), back.encode("exists", { path: "/early", watch: false }));
    expect(back.received.at(-1)).toMatchObject({ header: { err: 0 } });
  });
});

describe("stopping", () => {
  test("takes in nothing more, and answers what is under way", () => {
    const h = new ReplicaHarness({ log: "manual", limits: { maxPendingRequestsPerConnection: 2 } });
    const c = h.connect();
    h.durable();
    c.frames(...Array.from({ length: 5 }, (_, i) => c.encode("create", node(`/n${i}`))));
    expect(c.paused).toBe(true);
    h.input({ type: "stop" });
    h.durable();
    expect(c.received).toHaveLength(6);
    expect(c.paused).toBe(true);
    c.send("create", node("/more"));
    expect(h.replica.outstanding).toBe(0);
    const late = h.dial();
    late.handshake();
    expect(h.replica.outstanding).toBe(0);
  });

  test("leaves alone what came behind a handshake that was under way", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const c = h.dial();
    c.handshake();
    c.send("create", node("/n"));
    h.input({ type: "stop" });
    h.durable();
    expect(c.received).toMatchObject([{ kind: "connected" }]);
    expect(h.replica.outstanding).toBe(0);
  });
});

describe("bounds in bytes", () => {
  const big = (path: string, size: number) => ({ path, data: Buffer.alloc(size), acl, flags: 0 });

  test("identities: who claims more text than allowed is cut off, and none of it reaches the log", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    const before = h.replica.state.lastZxid;
    const packet = { type: 0, scheme: "digest", auth: Buffer.from(`${"u".repeat(70_000)}:pw`) };
    c.send("auth", packet);
    c.send("create", node("/n"));
    expect(c.closed).toBe(true);
    expect(h.replica.state.lastZxid).toBe(before);
  });

  test("waiting requests: a connection with too many bytes on their way is not read", () => {
    const h = new ReplicaHarness({ log: "manual", limits: { maxPendingBytesPerConnection: 10_000 } });
    const c = h.connect();
    h.durable();
    c.send("create", big("/a", 6_000));
    expect(c.paused).toBe(false);
    c.send("create", big("/b", 6_000));
    expect(c.paused).toBe(true);
    h.durable();
    expect(c.paused).toBe(false);
  });

  test("all writes under way: nobody who writes is read until half of them are through", () => {
    const h = new ReplicaHarness({ log: "manual", limits: { maxProposedBytes: 10_000 } });
    const a = h.connect();
    const b = h.connect();
    h.durable();
    a.send("create", big("/a", 12_000));
    b.send("create", node("/b"));
    expect([a.paused, b.paused]).toEqual([true, true]);
    h.durable();
    expect([a.paused, b.paused]).toEqual([false, false]);
  });

  test("a multiRead that would be too long is refused before it is built, and so is a list of children", () => {
    const h = new ReplicaHarness({ limits: { maxResponseBytes: 5_000 } });
    const c = h.connect();
    c.call("create", big("/n", 2_000));
    const part = { type: OpCode.getData, path: "/n", watch: false } as const;
    expect(c.call("multiRead", [part, part])).toHaveLength(2);
    expect(c.call("multiRead", [part, part, part])).toBe(ErrorCode.SystemError);
    for (let i = 0; i < 30; i++) c.call("create", node(`/n/${"x".repeat(200)}${i}`));
    expect(c.call("getChildren", { path: "/n", watch: true })).toBe(ErrorCode.SystemError);
    expect(h.replica.watchCount).toBe(0);
    h.nowMs += 1_000;
    expect(c.call("getChildren", { path: "/n", watch: true })).toBe(ErrorCode.SystemError);
    // One line a second: they are as cheap to cause as to ask.
    const told = h.logs.filter((l) => l.message === "a read was refused");
    expect(told.map(({ fields }) => fields.leftOut)).toEqual([undefined, 1]);
    expect(c.closed).toBe(false);
  });

  test("a list of ephemerals that would be too long is refused", () => {
    const h = new ReplicaHarness({ limits: { maxResponseBytes: 1_000 } });
    const c = h.connect();
    for (const name of ["a", "b", "c"]) c.call("create", node(`/${name.repeat(400)}`, CreateMode.ephemeral));
    expect(c.call("getEphemerals", { prefixPath: "/a" })).toEqual({ ephemerals: [`/${"a".repeat(400)}`] });
    expect(c.call("getEphemerals", { prefixPath: "/" })).toBe(ErrorCode.SystemError);
    expect(h.logs.at(-1)?.fields.reason).toContain("a read of the ephemerals below / would be too long");
    c.call("create", node(`/${"角".repeat(400)}`, CreateMode.ephemeral));
    expect(c.call("getEphemerals", { prefixPath: "/角" }), "bytes, not characters").toBe(ErrorCode.SystemError);
    const parts = [{ type: OpCode.getChildren, path: "/", watch: false }] as const;
    const lists = new ReplicaHarness({ limits: { maxResponseBytes: 1_000 } }).connect();
    lists.call("create", node(`/${"a".repeat(400)}`));
    expect(lists.call("multiRead", parts)).toHaveLength(1);
    lists.call("create", node(`/${"角".repeat(250)}`));
    expect(lists.call("multiRead", parts), "bytes, not characters").toBe(ErrorCode.SystemError);
    expect(c.closed).toBe(false);
  });

  test("watched paths: who watches more text than allowed is cut off", () => {
    const h = new ReplicaHarness({ limits: { maxWatchedTextPerConnection: 1_000 } });
    const c = h.connect();
    c.call("exists", { path: `/${"a".repeat(600)}`, watch: true });
    c.send("exists", { path: `/${"b".repeat(600)}`, watch: true });
    expect(c.closed).toBe(true);
    expect(h.replica.watchCount).toBe(0);
  });

  test("watches: who sets more than allowed is cut off", () => {
    const h = new ReplicaHarness({ limits: { maxWatchesPerConnection: 2 } });
    const c = h.connect();
    for (const path of ["/a", "/b", "/b"]) c.call("exists", { path, watch: true });
    expect(c.closed).toBe(false);
    c.send("exists", { path: "/c", watch: true });
    expect(c.closed).toBe(true);
    expect(h.replica.watchCount).toBe(0);
  });

  test("sessions: one more than allowed is refused, re-attaching is not", () => {
    const h = new ReplicaHarness({ limits: { maxSessions: 1 } });
    const c = h.connect();
    const more = h.dial();
    more.handshake();
    expect(more.closed).toBe(true);
    const again = h.dial();
    again.handshake({ sessionId: c.sessionId, passwd: c.passwd });
    expect(again.sessionId).toBe(c.sessionId);
  });
});

test("a session does not expire because this server does not read its connection", () => {
  const h = new ReplicaHarness({ log: "manual", limits: { maxPendingRequestsPerConnection: 2 } });
  const c = h.connect(2_000);
  h.durable();
  c.frames(...Array.from({ length: 5 }, (_, i) => c.encode("create", node(`/n${i}`))));
  expect(c.paused).toBe(true);
  h.pass(10_000);
  h.durable();
  expect(c.closed).toBe(false);
  expect(c.received).toHaveLength(6);
});

describe("what no client may do", () => {
  test.each([
    ["an unknown operation", 9_999],
    ["notification", OpCode.notification],
    ["createSession", OpCode.createSession],
    ["deleteContainer", OpCode.deleteContainer],
    ["check outside a multi", OpCode.check],
  ])("%s: Unimplemented, then the end, in its turn behind earlier writes", (_what, type) => {
    const h = new ReplicaHarness({ log: "manual" });
    const c = h.connect();
    h.durable();
    const bad = Buffer.alloc(8);
    bad.writeInt32BE(77, 0);
    bad.writeInt32BE(type, 4);
    c.frames(c.encode("create", node("/n")), bad, c.encode("create", node("/after")));
    expect(c.closed).toBe(false);
    h.durable();
    const replies = c.received.flatMap((r) => (r.kind === "reply" ? [[r.header.xid, r.header.err]] : []));
    expect(replies.slice(0, 2)).toEqual([
      [1, 0],
      [77, ErrorCode.Unimplemented],
    ]);
    expect(c.closed).toBe(true);
  });

  test("a body that cannot be read costs the request, not the connection", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    const bad = (type: number) => Buffer.from([0, 0, 0, 9, 0, 0, 0, type, 0x7f, 0xff, 0xff, 0xff]);
    for (const type of [OpCode.create, OpCode.getData, OpCode.multi, OpCode.setWatches]) {
      c.frames(bad(type));
      expect(c.received.at(-1)).toMatchObject({ header: { xid: 9, err: ErrorCode.MarshallingError } });
    }
    expect(c.closed).toBe(false);
    const { length } = c.received;
    c.frames(bad(OpCode.auth));
    expect(c.closed).toBe(true);
    expect(c.received).toHaveLength(length);
  });

  test("bodies that cannot be read do not fill the log: of each connection one line a second", () => {
    const h = new ReplicaHarness();
    const [a, b] = [h.connect(), h.connect()];
    const bad = Buffer.from([0, 0, 0, 9, 0, 0, 0, OpCode.getData]);
    for (let n = 0; n < 100; n++) a.frames(bad);
    b.frames(bad);
    h.nowMs += 1_000;
    a.frames(bad);
    const told = h.logs.filter(({ message }) => message === "a request whose body cannot be read was refused");
    expect(told.map(({ fields }) => [fields.remote, fields.leftOut])).toEqual([
      [`127.0.0.1:${40_000 + a.id}`, undefined],
      [`127.0.0.1:${40_000 + b.id}`, undefined],
      [`127.0.0.1:${40_000 + a.id}`, 99],
    ]);
    expect(h.replica.stats.badRequestsTotal).toBe(102);
  });
});

describe("back-pressure", () => {
  test("requests of a connection that does not take its answers wait, and go on when it does", () => {
    const h = new ReplicaHarness({ limits: { softUnsentBytes: 1_000 } });
    const c = h.connect();
    c.call("create", node("/big", 0, Buffer.alloc(900)));
    const reads = Array.from({ length: 5 }, () => c.encode("getData", { path: "/big", watch: false }));
    h.input({ type: "frames", connection: c.id, frames: reads, unsentBytes: 500 });
    const replies = () => c.received.filter((r) => r.kind === "reply").length - 1;
    expect(replies()).toBe(1);
    expect(c.paused).toBe(true);
    h.input({ type: "drained", connection: c.id });
    expect(replies()).toBe(3);
    h.input({ type: "drained", connection: c.id });
    h.input({ type: "drained", connection: c.id });
    expect(replies()).toBe(5);
    h.input({ type: "drained", connection: c.id });
    expect(c.paused).toBe(false);
  });

  test("too many writes on their way stop reading until half of them are through", () => {
    const h = new ReplicaHarness({ log: "manual", limits: { maxProposedEntries: 4 } });
    const c = h.connect();
    h.durable();
    c.frames(...Array.from({ length: 6 }, (_, i) => c.encode("create", node(`/n${i}`))));
    expect(c.paused).toBe(true);
    h.durable();
    expect(c.paused).toBe(false);
  });
});
