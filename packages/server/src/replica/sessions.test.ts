import { openAcl, SpecialXid } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";

const acl = openAcl;
const node = (path: string, flags = 0, data: Buffer | null = Buffer.from("x")) => ({ path, data, acl, flags });

describe("sessions", () => {
  test("the timeout is negotiated, and a session without a word expires within one tick after it, never before", () => {
    const h = new ReplicaHarness();
    const c = h.connect(1);
    expect(c.received[0]).toMatchObject({ timeOut: 2_000 });
    c.call("create", node("/e", 1));
    h.pass(2_000);
    expect(h.replica.state.tree.get("/e")).toBeDefined();
    h.pass(1_000);
    expect(h.replica.state.tree.get("/e")).toBeUndefined();
    expect(c.closed).toBe(true);
  });

  test("any packet keeps it alive", () => {
    const h = new ReplicaHarness();
    const c = h.connect(2_000);
    for (let i = 0; i < 10; i++) {
      h.pass(1_000);
      c.send("ping", {}, SpecialXid.ping);
    }
    expect(c.closed).toBe(false);
  });

  test("nobody expires for a stall of the server itself", () => {
    const h = new ReplicaHarness();
    const c = h.connect(4_000);
    h.pass(1_000);
    h.nowMs += 60_000;
    h.input({ type: "tick" });
    expect(c.closed).toBe(false);
    expect(h.logs.some((l) => l.message.includes("held up"))).toBe(true);
    h.pass(5_000);
    expect(c.closed).toBe(true);
  });

  test("it goes on over a new connection with the right password, and the old connection ends", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    c.call("create", node("/e", 1));
    const again = h.dial();
    again.handshake({ sessionId: c.sessionId, passwd: c.passwd });
    expect(again.sessionId).toBe(c.sessionId);
    expect(again.passwd).toEqual(c.passwd);
    expect(c.closed).toBe(true);
    expect(again.call("getEphemerals", { prefixPath: "/" })).toEqual({ ephemerals: ["/e"] });
  });

  test("each session has a password of its own, of 16 bytes that come from chance and from nothing else", () => {
    const h = new ReplicaHarness();
    const passwords = [1, 2, 3].map(() => h.connect().passwd);
    expect(passwords).toEqual(h.drawn);
    expect(new Set(passwords.map((password) => Buffer.from(password).toString("hex"))).size).toBe(3);
  });

  test("a wrong password disturbs nobody", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    const thief = h.dial();
    thief.handshake({ sessionId: c.sessionId, passwd: Buffer.alloc(16, 7) });
    expect(thief.received).toEqual([{ kind: "connected", sessionId: 0n, timeOut: 0, passwd: Buffer.alloc(16) }]);
    expect(thief.closed).toBe(true);
    expect(c.closed).toBe(false);
  });

  test("a client that has seen more than the server has is refused without an answer, with a reason in the log", () => {
    const h = new ReplicaHarness();
    const c = h.dial();
    c.handshake({ lastZxidSeen: 2 ** 40 });
    expect(c.received).toEqual([]);
    expect(c.closed).toBe(true);
    expect(JSON.stringify(h.logs.at(-1)?.fields)).toContain("has seen zxid");
  });

  test("closeSession: ephemerals go at its zxid, the reply comes, the connection ends, what follows is dropped", () => {
    const h = new ReplicaHarness();
    const c = h.connect();
    const other = h.connect();
    c.call("create", node("/e1", 1));
    c.call("create", node("/e2", 1));
    other.call("exists", { path: "/e1", watch: true });
    other.call("getChildren", { path: "/", watch: true });
    c.frames(c.encode("closeSession", {}), c.encode("create", node("/after")));
    expect(c.received.at(-1)).toMatchObject({ kind: "reply", header: { err: 0 } });
    expect(c.closed).toBe(true);
    expect(other.events).toEqual(["2 /e1", "4 /"]);
    expect(h.replica.state.tree.get("/e2")).toBeUndefined();
    expect(h.replica.state.tree.get("/after")).toBeUndefined();
    expect(h.replica.state.tree.get("/")?.pzxid).toBe(h.replica.state.lastZxid);
  });

  test("from the moment when it expires a session has no answer, however long its end takes to be durable", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const a = h.connect(4_000);
    const other = h.connect(20_000);
    h.durable();
    a.call("exists", { path: "/", watch: true });
    a.send("create", node("/own"));
    const own = h.pendingZxid;
    a.send("exists", { path: "/own", watch: false });
    const received = a.received.length;
    h.pass(6_000);
    expect(h.replica.outstanding).toBe(2);
    expect(a.closed).toBe(true);
    a.send("ping", {}, SpecialXid.ping);
    h.durable(own);
    other.send("setData", { path: "/", data: null, version: -1 });
    h.durable();
    expect(a.received).toHaveLength(received);
    expect(h.replica.state.tree.get("/own")).toBeDefined();
    expect(h.replica.state.sessions.size).toBe(1);
  });

  test("who comes back to a session whose end is under way is told that it has expired", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const a = h.connect(4_000);
    h.durable();
    h.pass(6_000);
    const again = h.dial();
    again.handshake({ sessionId: a.sessionId, passwd: a.passwd });
    h.durable();
    expect(again.received).toMatchObject([{ kind: "connected", sessionId: 0n, timeOut: 0 }]);
    expect(again.closed).toBe(true);
  });

  test("a create that is in flight when its session expires leaves no ephemeral behind", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const c = h.connect(2_000);
    h.durable();
    h.pass(3_000);
    c.send("create", node("/late", 1));
    h.durable();
    expect(h.replica.state.sessions.size).toBe(0);
    expect(h.replica.state.tree.get("/late")).toBeUndefined();
  });
});
