import { CreateMode, ErrorCode, maxTtlMs, OpCode, openAcl, operations, Permission, Writer } from "@corral/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { picture, StateDriver } from "../../test-support/state-driver.ts";

let d: StateDriver;
beforeEach(() => {
  d = new StateDriver();
  d.session(1n);
  d.session(2n);
});

const raise = (): never => expect.fail("it is there");
const error = (code: number) => ({ type: "error", code });

describe("A. create, sequence numbers, paths", () => {
  test("A.1 the suffix counts creates below the parent, of any mode; deletes do not change it", () => {
    d.create("/p");
    for (const name of "abc") d.create(`/p/${name}`);
    for (const name of "abc") d.delete(`/p/${name}`);
    expect(d.create("/p/s-", CreateMode.persistentSequential)).toMatchObject({ path: "/p/s-0000000003" });
  });

  test("A.2 a failed create does not use up a number", () => {
    d.create("/p");
    d.create("/p/a");
    expect(d.create("/p/a")).toEqual(error(ErrorCode.NodeExists));
    expect(d.create("/p/", CreateMode.persistentSequential)).toMatchObject({ path: "/p/0000000001" });
  });

  test("A.3 the counter ends with its parent", () => {
    d.create("/p");
    d.create("/p/a");
    d.delete("/p/a");
    d.delete("/p");
    d.create("/p");
    expect(d.create("/p/s", CreateMode.ephemeralSequential)).toMatchObject({ path: "/p/s0000000000" });
  });

  test("A.4 past 2^31 creates the numbers go on growing, and the cversion that is seen wraps", () => {
    d.create("/p");
    const parent = d.state.tree.get("/p");
    if (parent !== undefined) parent.childCreates = 2 ** 31 - 1;
    const create = () => d.create("/p/s-", CreateMode.persistentSequential);
    expect(create()).toMatchObject({ path: "/p/s-2147483647" });
    expect(create()).toMatchObject({ path: "/p/s-2147483648" });
    const stat = d.stat("/p");
    expect(stat).toMatchObject({ cversion: (2 * (2 ** 31 + 1) - 2) | 0 });
    expect(() => operations.exists.response.write(new Writer(), { stat: stat ?? raise() })).not.toThrow();
  });

  test("A.6 a fresh tree shows cversion −1 for the root and −2 for /zookeeper", () => {
    const fresh = new StateDriver();
    expect(fresh.stat("/")).toMatchObject({ cversion: -1, czxid: 0, ctime: 0 });
    expect(fresh.stat("/zookeeper")).toMatchObject({ cversion: -2 });
    expect(fresh.stat("/zookeeper/config")).toMatchObject({ version: 0, aversion: -1 });
    expect(fresh.state.tree.nodeCount).toBe(5);
  });

  test.each([
    ["unknown flags", { path: "/x", flags: 7 }, ErrorCode.BadArguments],
    ["a TTL mode without a TTL", { path: "/x", flags: CreateMode.persistentWithTtl }, ErrorCode.BadArguments],
    ["no slash", { path: "x" }, ErrorCode.BadArguments],
    ["a NUL", { path: "/x\0" }, ErrorCode.BadArguments],
    ["an empty ACL before a missing parent", { path: "/no/x", acl: [] }, ErrorCode.InvalidAcl],
    ["a missing parent before a bad path", { path: "/no//x" }, ErrorCode.NoNode],
    ["A.7 an odd parent that is missing", { path: "/t//x" }, ErrorCode.NoNode],
    ["a trailing slash", { path: "/t/" }, ErrorCode.BadArguments],
    ["an emoji", { path: "/t/😀" }, ErrorCode.BadArguments],
    ["a node that exists", { path: "/t" }, ErrorCode.NodeExists],
    ["a child of an ephemeral", { path: "/e/x" }, ErrorCode.NoChildrenForEphemerals],
  ])("A.7 %s", (_what, request, code) => {
    d.create("/t");
    d.create("/e", CreateMode.ephemeral);
    const outcome = d.apply({
      type: OpCode.create,
      request: { data: null, acl: openAcl, flags: 0, ...request },
    });
    expect(outcome).toEqual(error(code));
  });

  test("A.5 a sequential create may end with a slash", () => {
    d.create("/t");
    expect(d.create("/t/", CreateMode.persistentSequential)).toMatchObject({ path: "/t/0000000000" });
  });

  test("A.13 null data and empty data are kept apart", () => {
    d.create("/null", 0, null);
    d.create("/empty", 0, Buffer.alloc(0));
    expect(d.state.tree.get("/null")?.data).toBeNull();
    expect(d.state.tree.get("/empty")?.data).toHaveLength(0);
    expect(d.stat("/null")?.dataLength).toBe(0);
  });

  test("A.14 operation 19 makes a container whatever the flags; flag 4 of a plain create makes a plain node", () => {
    const request = { data: null, acl: openAcl };
    d.apply({ type: OpCode.createContainer, request: { ...request, path: "/c", flags: 0 } });
    d.apply({ type: OpCode.create, request: { ...request, path: "/p", flags: CreateMode.container } });
    expect(d.state.tree.get("/c")?.lifetime.kind).toBe("container");
    expect(d.state.tree.get("/p")?.lifetime.kind).toBe("persistent");
    expect(d.stat("/c")?.ephemeralOwner).toBe(0n);
  });

  test.each([0, maxTtlMs + 1])("a TTL of %d ms is refused", (ttl) => {
    const request = { path: "/t", data: null, acl: openAcl, flags: CreateMode.persistentWithTtl, ttl };
    expect(d.apply({ type: OpCode.createTTL, request })).toEqual(error(ErrorCode.BadArguments));
  });

  test.each(["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"])("A.8 %s cannot be deleted", (path) => {
    expect(d.delete(path)).toEqual(error(ErrorCode.BadArguments));
  });

  test("A.8 delete: parent, node, version, children, in this order", () => {
    d.create("/p");
    d.create("/p/c");
    expect(d.delete("/no/x")).toEqual(error(ErrorCode.NoNode));
    expect(d.delete("/p/x", 5)).toEqual(error(ErrorCode.NoNode));
    expect(d.delete("/p", 5)).toEqual(error(ErrorCode.BadVersion));
    expect(d.delete("/p")).toEqual(error(ErrorCode.NotEmpty));
  });
});

describe("B. Stat", () => {
  test("B.1, B.2 create and delete move the parent's pzxid and cversion, nothing else of it", () => {
    d.create("/p");
    const before = d.stat("/p");
    d.create("/p/c");
    const created = d.stat("/p/c");
    expect(d.stat("/p")).toEqual({ ...before, cversion: 1, numChildren: 1, pzxid: created?.czxid });
    d.delete("/p/c");
    expect(d.stat("/p")).toEqual({ ...before, cversion: 2, numChildren: 0, pzxid: d.state.lastZxid });
  });

  test("B.3 setData moves version, mzxid and mtime, for the same bytes too", () => {
    d.create("/n");
    const before = d.stat("/n");
    expect(d.set("/n", Buffer.from("d"), 0)).toMatchObject({ type: "changed", stat: { version: 1 } });
    expect(d.stat("/n")).toEqual({ ...before, version: 1, mzxid: d.state.lastZxid, mtime: 1_000 + d.state.lastZxid });
    expect(d.set("/n", null, 0)).toEqual(error(ErrorCode.BadVersion));
  });

  test("B.4 setACL moves aversion only and fires nothing", () => {
    d.create("/n");
    const before = d.stat("/n");
    d.apply({ type: OpCode.setACL, request: { path: "/n", acl: openAcl, version: 0 } });
    expect(d.stat("/n")).toEqual({ ...before, aversion: 1 });
    expect(d.firings).toEqual([]);
  });
});

describe("G. multi", () => {
  const create = (path: string, flags = 0) => ({ type: OpCode.create, path, data: null, acl: openAcl, flags }) as const;

  test("G.1 later operations see earlier ones, all at one zxid", () => {
    const outcome = d.multi(
      create("/p"),
      create("/p/s-", CreateMode.persistentSequential),
      { type: OpCode.setData, path: "/p", data: Buffer.from("1"), version: 0 },
      { type: OpCode.check, path: "/p", version: 1 },
      { type: OpCode.delete, path: "/p/s-0000000000", version: -1 },
    );
    expect(outcome).toMatchObject({
      results: [{ type: 1, path: "/p" }, { type: 1, path: "/p/s-0000000000" }, { type: 5 }, { type: 13 }, { type: 2 }],
    });
    expect(d.stat("/p")).toMatchObject({ czxid: d.state.lastZxid, pzxid: d.state.lastZxid, cversion: 2 });
  });

  test("G.2 a failure leaves no trace but the zxid: not in nodes, counters, ephemerals or events", () => {
    d.create("/p");
    d.create("/e", CreateMode.ephemeral);
    const before = picture(d.state) as object;
    const outcome = d.multi(
      create("/p/a", CreateMode.persistentSequential),
      create("/p/b", CreateMode.ephemeral),
      { type: OpCode.setData, path: "/p", data: Buffer.from("changed"), version: -1 },
      { type: OpCode.delete, path: "/e", version: -1 },
      { type: OpCode.delete, path: "/p/b", version: -1 },
      { type: OpCode.check, path: "/p", version: 42 },
      create("/never"),
    );
    const errors = [0, 0, 0, 0, 0, ErrorCode.BadVersion, ErrorCode.RuntimeInconsistency];
    expect(outcome).toEqual({ type: "multi", results: errors.map((err) => ({ type: OpCode.error, err })) });
    expect(picture(d.state)).toEqual({ ...before, lastZxid: d.state.lastZxid });
    expect(d.firings).toEqual([]);
  });
});

describe("sessions", () => {
  test("E.8 the end of a session takes its ephemerals at one zxid", () => {
    d.create("/p");
    d.create("/p/e1", CreateMode.ephemeral);
    d.create("/p/e2", CreateMode.ephemeralSequential);
    d.create("/p/other", CreateMode.ephemeral, null, 2n);
    expect(d.apply({ type: OpCode.closeSession, request: {} })).toEqual({ type: "sessionClosed" });
    expect([...(d.state.tree.get("/p")?.children ?? [])]).toEqual(["other"]);
    expect(d.stat("/p")?.pzxid).toBe(d.state.lastZxid);
  });

  test("E.9 nothing is done for a session that is over", () => {
    d.apply({ type: OpCode.closeSession, request: {} });
    expect(d.create("/late", CreateMode.ephemeral)).toEqual(error(ErrorCode.SessionExpired));
    expect(d.state.tree.get("/late")).toBeUndefined();
  });
});

describe("I. access", () => {
  const bob = { scheme: "digest", id: "bob:hash" };
  const acl = [{ perms: Permission.all, id: { scheme: "auth", id: "" } }];

  test("`auth` becomes who the caller is, and then only they may", () => {
    d.identities = [...d.identities, bob];
    d.apply({ type: OpCode.create, request: { path: "/mine", data: null, acl, flags: 0 } });
    expect(d.state.tree.get("/mine")?.acl).toEqual([{ perms: Permission.all, id: bob }]);
    d.identities = d.identities.slice(0, 1);
    expect(d.set("/mine", null)).toEqual(error(ErrorCode.NoAuth));
    expect(d.create("/mine/child")).toEqual(error(ErrorCode.NoAuth));
    expect(d.multi({ type: OpCode.check, path: "/mine", version: -1 })).toMatchObject({
      results: [{ err: ErrorCode.NoAuth }],
    });
  });

  test("`auth` without an identity is refused", () => {
    expect(d.apply({ type: OpCode.create, request: { path: "/mine", data: null, acl, flags: 0 } })).toEqual(
      error(ErrorCode.InvalidAcl),
    );
  });
});
