import { AddWatchMode, CreateMode, ErrorCode, OpCode, openAcl, Permission, WatcherType } from "@corral/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

let h: ReplicaHarness;
let c: TestClient;
beforeEach(() => {
  h = new ReplicaHarness();
  c = h.connect(20_000);
});

const node = (path: string, flags = 0) => ({ path, data: Buffer.from("x"), acl: openAcl, flags });

describe("C. reads", () => {
  test("C.1 exists on nothing is NoNode; on something it tells the Stat", () => {
    expect(c.call("exists", { path: "/n", watch: false })).toBe(ErrorCode.NoNode);
    c.call("create", node("/n"));
    expect(c.call("exists", { path: "/n", watch: false })).toMatchObject({ stat: { dataLength: 1 } });
  });

  test("A.16 the root is also called by the empty path", () => {
    expect(c.call("getData", { path: "", watch: false })).toMatchObject({ stat: { numChildren: 1 } });
  });

  test("C.3 children, with and without Stat", () => {
    c.call("create", node("/p"));
    c.call("create", node("/p/a"));
    c.call("create", node("/p/b"));
    expect(c.call("getChildren", { path: "/p", watch: false })).toEqual({ children: ["a", "b"] });
    expect(c.call("getChildren2", { path: "/p", watch: false })).toMatchObject({ stat: { numChildren: 2 } });
    expect(c.call("getAllChildrenNumber", { path: "/p" })).toEqual({ totalNumber: 2 });
    expect(c.call("getAllChildrenNumber", { path: "/" })).toEqual({ totalNumber: 6 });
  });

  test("C.5 getEphemerals: one's own, by a plain prefix of the text", () => {
    for (const path of ["/a", "/ab", "/b"]) c.call("create", node(path, CreateMode.ephemeral));
    h.connect().call("create", node("/ax", CreateMode.ephemeral));
    expect(c.call("getEphemerals", { prefixPath: "/a" })).toEqual({ ephemerals: ["/a", "/ab"] });
    expect(c.call("getEphemerals", { prefixPath: "" })).toEqual({ ephemerals: ["/a", "/ab", "/b"] });
  });

  test("C.7, A.11 sync answers with whatever path it was given", () => {
    expect(c.call("sync", { path: "no path at all" })).toEqual({ path: "no path at all" });
  });

  test("G.7 the parts of a multiRead succeed and fail alone", () => {
    c.call("create", node("/n"));
    const parts = [
      { type: OpCode.getData, path: "/n", watch: true },
      { type: OpCode.getData, path: "/missing", watch: false },
      { type: OpCode.getChildren, path: "/", watch: false },
    ] as const;
    expect(c.call("multiRead", parts)).toMatchObject([
      { type: OpCode.getData, data: Buffer.from("x") },
      { type: OpCode.error, err: ErrorCode.NoNode },
      { type: OpCode.getChildren, children: ["zookeeper", "n"] },
    ]);
    c.call("setData", { path: "/n", data: null, version: -1 });
    expect(c.events).toEqual([]);
  });
});

describe("D. watches", () => {
  test("D.3, D.5 persistent and recursive watches stay, and tell of what their kind tells", () => {
    c.call("create", node("/p"));
    c.call("addWatch", { path: "/p", mode: AddWatchMode.persistent });
    c.call("addWatch", { path: "/", mode: AddWatchMode.persistentRecursive });
    c.call("create", node("/p/c"));
    c.call("setData", { path: "/p/c", data: null, version: -1 });
    c.call("delete", { path: "/p/c", version: -1 });
    c.call("setData", { path: "/p", data: null, version: -1 });
    expect(c.events).toEqual(["1 /p/c", "4 /p", "3 /p/c", "2 /p/c", "4 /p", "3 /p"]);
  });

  test("D.9 each part of a multi has its own events, at one zxid", () => {
    c.call("exists", { path: "/a", watch: true });
    c.call("exists", { path: "/b", watch: true });
    c.call("multi", [
      { type: OpCode.create, ...node("/a") },
      { type: OpCode.create, ...node("/b") },
    ]);
    expect(c.events).toEqual(["1 /a", "1 /b"]);
    const zxids = c.received.flatMap((r) => (r.kind === "event" ? [r.zxid] : []));
    expect(new Set(zxids)).toEqual(new Set([h.replica.state.lastZxid]));
  });

  test("D.12 nobody hears of what they may not read", () => {
    const acl = [{ perms: Permission.all, id: { scheme: "digest", id: "bob:sha1(bob-pw)" } }];
    const other = h.connect(20_000);
    other.call("exists", { path: "/secret", watch: true });
    other.call("getChildren", { path: "/", watch: true });
    c.call("create", { path: "/secret", data: null, acl, flags: 0 });
    expect(other.events).toEqual(["4 /"]);
  });

  test("D.13 removeWatches takes what it names; checkWatches only looks", () => {
    const { data, any, persistent } = WatcherType;
    c.call("exists", { path: "/n", watch: true });
    c.call("addWatch", { path: "/n", mode: AddWatchMode.persistent });
    expect(c.call("checkWatches", { path: "/n", type: WatcherType.children })).toBe(ErrorCode.NoWatcher);
    expect(c.call("checkWatches", { path: "/n", type: data })).toEqual({});
    expect(c.call("removeWatches", { path: "/n", type: data })).toEqual({});
    expect(c.call("removeWatches", { path: "/n", type: data })).toBe(ErrorCode.NoWatcher);
    expect(c.call("checkWatches", { path: "/n", type: persistent })).toEqual({});
    expect(c.call("removeWatches", { path: "/n", type: any })).toEqual({});
    c.call("create", node("/n"));
    expect(c.events).toEqual([]);
    expect(c.call("addWatch", { path: "/n", mode: 7 })).toBe(ErrorCode.MarshallingError);
  });
});

describe("identities", () => {
  const packet = (scheme: string, auth: string) => ({ type: 0, scheme, auth: Buffer.from(auth) });

  test("digest proves somebody, once however often; whoAmI tells", () => {
    c.call("auth", packet("digest", "bob:pw"));
    c.call("auth", packet("digest", "bob:pw"));
    expect(c.call("whoAmI", {})).toEqual({
      clientInfo: [
        { authScheme: "ip", user: "127.0.0.1" },
        { authScheme: "digest", user: "bob" },
      ],
    });
  });

  test("to ask for the same again leaves the identities as they are, and so what is remembered of them", () => {
    c.call("auth", packet("digest", "bob:pw"));
    const identities = () => [...h.replica.connections].find(({ id }) => id === c.id)?.identities;
    const before = identities();
    expect(before).toHaveLength(2);
    c.call("auth", packet("digest", "bob:pw"));
    c.call("auth", packet("ip", ""));
    expect(identities()).toBe(before);
  });

  test.each([
    ["an unknown scheme", "kerberos", "x"],
    ["world", "world", "anyone"],
    ["a digest without a password", "digest", "bob"],
  ])("%s is refused, and the connection ends", (_what, scheme, auth) => {
    expect(c.call("auth", packet(scheme, auth))).toBe(ErrorCode.AuthFailed);
    expect(c.closed).toBe(true);
  });

  test("I.4 what follows an auth is asked by the new identity, also while a write before it is under way", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const bob = h.dial();
    bob.handshake();
    h.durable();
    const mine = [{ perms: Permission.all, id: { scheme: "auth", id: "" } }];
    bob.frames(
      bob.encode("create", node("/n")),
      bob.encode("auth", packet("digest", "bob:pw")),
      bob.encode("create", { ...node("/mine"), acl: mine }),
    );
    h.durable();
    const replies = bob.received.flatMap((r) => (r.kind === "reply" ? [r.header.err] : []));
    expect(replies).toEqual([ErrorCode.Ok, ErrorCode.Ok, ErrorCode.Ok]);
  });

  test("I.5 who must authenticate first and does not is told so, in turn, and nothing that follows counts", () => {
    const h = new ReplicaHarness({ requiredSchemes: ["digest"] });
    const stranger = h.connect();
    const { lastZxid } = h.replica.state;
    stranger.frames(stranger.encode("create", node("/n")), stranger.encode("auth", packet("digest", "bob:pw")));
    const replies = stranger.received.flatMap((r) => (r.kind === "reply" ? [[r.header.zxid, r.header.err]] : []));
    expect(replies).toEqual([[0, ErrorCode.SessionClosedRequireSaslAuth]]);
    expect(stranger.closed).toBe(true);
    expect(h.logs.find(({ message }) => message === "connection closed")?.fields.reason).toContain(
      "authenticate first (digest)",
    );
    // Nothing of it was written, but that its session is over: many of those would keep others out.
    expect(h.replica.state.lastZxid).toBe(lastZxid + 1);
    expect([...h.replica.state.sessions]).toEqual([]);
    const bob = h.connect();
    expect(bob.call("auth", packet("digest", "bob:pw"))).toEqual({});
    expect(bob.call("getData", { path: "/n", watch: false })).toBe(ErrorCode.NoNode);
  });

  test("I.5 a session in which somebody had authenticated goes on when he forgets to after coming back", () => {
    const h = new ReplicaHarness({ requiredSchemes: ["digest"] });
    const bob = h.connect();
    bob.call("auth", packet("digest", "bob:pw"));
    const again = h.dial();
    again.handshake({ sessionId: bob.sessionId, passwd: bob.passwd });
    expect(again.call("exists", { path: "/", watch: false })).toBe(ErrorCode.SessionClosedRequireSaslAuth);
    expect([...h.replica.state.sessions]).toMatchObject([{ id: bob.sessionId }]);
  });

  test("I.5 nor does it end for somebody who has come back and said who he is before that was written down", () => {
    const h = new ReplicaHarness({ requiredSchemes: ["digest"], log: "manual" });
    const stranger = h.connect();
    h.durable();
    const bob = h.dial();
    bob.handshake({ sessionId: stranger.sessionId, passwd: stranger.passwd });
    stranger.send("exists", { path: "/", watch: false });
    h.durable();
    expect(stranger.closed).toBe(true);
    expect(bob.call("auth", packet("digest", "bob:pw"))).toEqual({});
    expect(bob.call("exists", { path: "/", watch: false })).toMatchObject({ stat: {} });
    expect([...h.replica.state.sessions]).toMatchObject([{ id: stranger.sessionId, attachment: 2 }]);
  });

  test("J.5 a quota that is gone beyond is told of in the log, not with every write", () => {
    for (const path of ["/zookeeper/quota/q", "/q"]) c.call("create", node(path));
    c.call("create", { ...node("/zookeeper/quota/q/zookeeper_limits"), data: Buffer.from("count=1,bytes=-1") });
    c.call("create", node("/zookeeper/quota/q/zookeeper_stats"));
    for (let i = 0; i < 3; i++) c.call("create", node(`/q/${i}`));
    const told = h.logs.filter(({ message }) => message.includes("quota"));
    expect(told).toMatchObject([{ level: "warn", fields: { path: "/q", of: "count", limit: 1, wanted: 2 } }]);
    h.pass(60_000);
    h.connect().call("create", node("/q/late"));
    expect(h.logs.filter(({ message }) => message.includes("quota"))).toHaveLength(2);
  });

  test("C.2 without ADMIN the digests of an access list are hidden; without READ the list is", () => {
    const bob = { scheme: "digest", id: "bob:sha1(bob-pw)" };
    const acl = [
      { perms: Permission.all, id: bob },
      { perms: Permission.read, id: { scheme: "world", id: "anyone" } },
    ];
    c.call("create", { path: "/n", data: null, acl, flags: 0 });
    expect(c.call("getACL", { path: "/n" })).toMatchObject({ acl: [{ id: { id: "bob:x" } }, {}] });
    c.call("auth", packet("digest", "bob:pw"));
    expect(c.call("getACL", { path: "/n" })).toMatchObject({ acl: [{ id: bob }, {}] });
    c.call("setACL", { path: "/n", acl: acl.slice(0, 1), version: 0 });
    expect(h.connect().call("getACL", { path: "/n" })).toBe(ErrorCode.NoAuth);
    expect(h.connect().call("getData", { path: "/n", watch: false })).toBe(ErrorCode.NoAuth);
  });
});

describe("J. the reaper", () => {
  const container = (path: string) => c.call("createContainer", { ...node(path), flags: CreateMode.container });
  const exists = (path: string) => h.replica.state.tree.get(path) !== undefined;

  test("J.1 §6.20 takes a container after its last child, and not before its first, unless that does not come", () => {
    container("/used");
    container("/unused");
    container("/busy");
    for (const path of ["/used/c", "/busy/c"]) c.call("create", node(path));
    c.call("delete", { path: "/used/c", version: -1 });
    const other = h.connect(20_000);
    other.call("exists", { path: "/used", watch: true });
    h.pass(10_000);
    expect(exists("/used")).toBe(true);
    for (let i = 0; i < 6; i++) {
      h.pass(10_000);
      c.send("ping", {}, -2);
      other.send("ping", {}, -2);
    }
    expect([exists("/used"), exists("/unused"), exists("/busy")]).toEqual([false, true, true]);
    expect(other.events).toEqual(["2 /used"]);
    for (let i = 0; i < 30; i++) {
      h.pass(10_000);
      c.send("ping", {}, -2);
    }
    expect([exists("/unused"), exists("/busy")]).toEqual([false, true]);
  });

  test("J.2 takes a childless node when its own data has not been set for its time to live", () => {
    for (const [path, ms] of [
      ["/short", 30_000],
      ["/long", 90_000],
      ["/parent", 30_000],
    ] as const) {
      c.call("createTTL", { ...node(path), flags: CreateMode.persistentWithTtl, ttl: ms });
    }
    c.call("create", node("/parent/c"));
    for (let i = 0; i < 7; i++) {
      h.pass(10_000);
      c.send("ping", {}, -2);
    }
    expect([exists("/short"), exists("/long"), exists("/parent")]).toEqual([false, true, true]);
  });

  test("J.2 spares a node whose data was set before the reaper's entry, though that was not durable yet when it was found due", () => {
    h = new ReplicaHarness({ log: "manual" });
    c = h.connect(60_000);
    h.durable();
    c.send("createTTL", { ...node("/lease"), flags: CreateMode.persistentWithTtl, ttl: 30_000 });
    h.durable();
    for (let i = 0; i < 6; i++) {
      h.pass(10_000);
      c.send("ping", {}, -2);
    }
    const before = h.pendingZxid;
    c.send("setData", { path: "/lease", data: Buffer.from("renewed"), version: -1 });
    h.pass(10_000);
    expect(h.pendingZxid - before, "both are under way").toBe(2);
    h.durable();
    expect(h.replica.state.tree.get("/lease")?.data?.toString()).toBe("renewed");
    for (let i = 0; i < 6; i++) {
      h.pass(10_000);
      c.send("ping", {}, -2);
    }
    h.durable();
    expect(exists("/lease")).toBe(false);
  });
});

test("sasl without a mechanism is answered with an empty token, reconfig, which is off, with ReconfigDisabled", () => {
  expect(c.call("sasl", { token: Buffer.from("x") })).toEqual({ token: null });
  const request = { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1 };
  expect(c.call("reconfig", request)).toBe(ErrorCode.ReconfigDisabled);
  expect(c.closed).toBe(false);
  const switchedOn = new ReplicaHarness({ reconfigEnabled: true }).connect();
  expect(switchedOn.call("reconfig", request)).toBe(ErrorCode.Unimplemented);
  expect(switchedOn.closed).toBe(false);
});
