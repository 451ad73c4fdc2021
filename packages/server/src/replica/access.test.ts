/** What nobody may get around: access lists inside transactions and for every kind of watch, and passwords of sessions. */
import { type Acl, CreateMode, ErrorCode, type MultiOperation, OpCode, openAcl, Permission } from "@corral/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

const { all, read, write, create, delete: remove, admin } = Permission;
const world = (perms: number): Acl[] => [{ perms, id: { scheme: "world", id: "anyone" } }];
const node = { data: Buffer.from("x"), acl: openAcl, flags: CreateMode.persistent };

let harness: ReplicaHarness;
let owner: TestClient;
let other: TestClient;
beforeEach(() => {
  harness = new ReplicaHarness();
  owner = harness.connect();
  owner.send("auth", { type: 0, scheme: "digest", auth: Buffer.from("owner:secret") }, -4);
  other = harness.connect();
});

/** The owner may do everything, everybody else what `perms` says. */
function limited(perms: number): Acl[] {
  return [...world(perms), { perms: all, id: { scheme: "auth", id: "" } }];
}

/** What came of each part: `Ok`, or the name of its error. */
function partsOf(operations: readonly MultiOperation[]): string[] {
  const results = other.call("multi", operations);
  if (typeof results === "number") throw new Error(`the multi failed as a whole: ${results}`);
  return results.map((result) => {
    if (!("err" in result)) return "Ok";
    return Object.entries(ErrorCode).find(([, code]) => code === result.err)?.[0] ?? String(result.err);
  });
}

describe("inside a multi", () => {
  const parts: readonly (readonly [string, number, MultiOperation])[] = [
    ["create", create, { type: OpCode.create, path: "/x/new", ...node }],
    ["create2", create, { type: OpCode.create2, path: "/x/new", ...node }],
    ["createContainer", create, { type: OpCode.createContainer, path: "/x/new", ...node, flags: CreateMode.container }],
    [
      "createTTL",
      create,
      { type: OpCode.createTTL, path: "/x/new", ...node, flags: CreateMode.persistentWithTtl, ttl: 9 },
    ],
    ["delete", remove, { type: OpCode.delete, path: "/x/old", version: -1 }],
    ["setData", write, { type: OpCode.setData, path: "/x", data: null, version: -1 }],
    ["check", read, { type: OpCode.check, path: "/x", version: -1 }],
  ];
  const before: MultiOperation = { type: OpCode.create, path: "/before", ...node };

  test.each(parts)("%s needs its permission, and without it nothing of the multi happens", (_, needed, part) => {
    owner.call("create", { path: "/x", ...node, acl: limited(all & ~needed) });
    owner.call("create", { path: "/x/old", ...node });
    expect(partsOf([before, part])).toEqual(["Ok", "NoAuth"]);
    expect(other.call("exists", { path: "/before", watch: false })).toBe(ErrorCode.NoNode);
    expect(owner.call("getAllChildrenNumber", { path: "/x" })).toEqual({ totalNumber: 1 });
    owner.call("setACL", { path: "/x", acl: limited(needed), version: -1 });
    expect(partsOf([before, part])).toEqual(["Ok", "Ok"]);
  });

  test("a part is judged by what the ones before it have made", () => {
    const locked: MultiOperation = { type: OpCode.create, path: "/locked", ...node, acl: world(admin) };
    const inside: MultiOperation = { type: OpCode.create, path: "/locked/in", ...node };
    expect(partsOf([locked, inside])).toEqual(["Ok", "NoAuth"]);
    expect(partsOf([locked, { type: OpCode.check, path: "/locked", version: 0 }])).toEqual(["Ok", "NoAuth"]);
    // A node that is made anew has the new list.
    other.call("create", { path: "/anew", ...node });
    const anew: MultiOperation[] = [
      { type: OpCode.delete, path: "/anew", version: -1 },
      { type: OpCode.create, path: "/anew", ...node, acl: world(read) },
      { type: OpCode.setData, path: "/anew", data: null, version: -1 },
    ];
    expect(partsOf(anew)).toEqual(["Ok", "Ok", "NoAuth"]);
    expect(other.call("setData", { path: "/anew", data: null, version: -1 })).toHaveProperty("stat");
  });

  test("a list that cannot be stored is refused there as well", () => {
    expect(partsOf([before, { type: OpCode.create, path: "/y", ...node, acl: [] }])).toEqual(["Ok", "InvalidAcl"]);
    const auth = [{ perms: all, id: { scheme: "auth", id: "" } }];
    expect(partsOf([before, { type: OpCode.create, path: "/y", ...node, acl: auth }])).toEqual(["Ok", "InvalidAcl"]);
  });
});

describe("multiRead", () => {
  test("tells of each node only to who may read it", () => {
    owner.call("create", { path: "/x", ...node, acl: limited(all & ~read) });
    other.call("create", { path: "/y", ...node });
    const asked = ["/x", "/y"].flatMap((path) => [
      { type: OpCode.getData, path, watch: false } as const,
      { type: OpCode.getChildren, path, watch: false } as const,
    ]);
    const results = other.call("multiRead", asked);
    expect(results).toMatchObject([
      { err: ErrorCode.NoAuth },
      { err: ErrorCode.NoAuth },
      { data: node.data },
      { children: [] },
    ]);
  });
});

describe("watches of who may not read the node (any more)", () => {
  const nobody = {
    dataWatches: [],
    existWatches: [],
    childWatches: [],
    persistentWatches: [],
    persistentRecursiveWatches: [],
  };

  test("those set while it could be read fall silent, whatever their kind", () => {
    owner.call("create", { path: "/x", ...node, acl: limited(all) });
    other.call("getData", { path: "/x", watch: true });
    other.call("getChildren", { path: "/x", watch: true });
    other.call("addWatch", { path: "/x", mode: 0 });
    other.call("addWatch", { path: "/x", mode: 1 });
    owner.call("setACL", { path: "/x", acl: limited(all & ~read), version: -1 });
    owner.call("setData", { path: "/x", data: null, version: -1 });
    owner.call("create", { path: "/x/y", ...node, acl: limited(0) });
    owner.call("delete", { path: "/x/y", version: -1 });
    owner.call("delete", { path: "/x", version: -1 });
    expect(other.events).toEqual([]);
  });

  test("setWatches and setWatches2 do not tell what was missed, and what they set stays silent", () => {
    owner.call("create", { path: "/x", ...node, acl: limited(all & ~read) });
    const { zxid } = lastReply(owner);
    owner.call("setData", { path: "/x", data: null, version: -1 });
    owner.call("create", { path: "/x/y", ...node, acl: limited(0) });
    const old = { dataWatches: ["/x"], childWatches: ["/x"], existWatches: ["/x"] };
    other.call("setWatches", { relativeZxid: zxid, ...old });
    other.call("setWatches2", { ...nobody, relativeZxid: zxid, ...old });
    other.call("setWatches2", {
      ...nobody,
      relativeZxid: 2 ** 40,
      ...old,
      persistentWatches: ["/x"],
      persistentRecursiveWatches: ["/x"],
    });
    owner.call("setData", { path: "/x", data: null, version: -1 });
    owner.call("delete", { path: "/x/y", version: -1 });
    owner.call("delete", { path: "/x", version: -1 });
    expect(other.events).toEqual([]);
  });

  test("who may read it hears of all that", () => {
    owner.call("create", { path: "/x", ...node, acl: limited(all) });
    const { zxid } = lastReply(owner);
    owner.call("setData", { path: "/x", data: null, version: -1 });
    owner.call("create", { path: "/x/y", ...node, acl: limited(0) });
    other.call("setWatches2", { ...nobody, relativeZxid: zxid, dataWatches: ["/x"], childWatches: ["/x"] });
    expect(other.events).toEqual(["3 /x", "4 /x"]);
  });
});

describe("a session's password", () => {
  test.each([
    ["another one", (p: Buffer) => Buffer.from(p.map((byte) => byte ^ 1))],
    ["one that differs in its last bit", (p: Buffer) => Buffer.from(p.map((byte, i) => (i === 15 ? byte ^ 1 : byte)))],
    ["its beginning", (p: Buffer) => p.subarray(0, 15)],
    ["one that goes on", (p: Buffer) => Buffer.concat([p, Buffer.alloc(1)])],
    ["none", () => Buffer.alloc(0)],
    ["zeros", () => Buffer.alloc(16)],
  ])("%s: the answer is that of a session that does not exist, and whose session it is goes on", (_, forge) => {
    other.call("create", { path: "/mine", ...node, flags: CreateMode.ephemeral });
    const thief = harness.dial();
    thief.handshake({ sessionId: other.sessionId, passwd: forge(other.passwd) });
    const stranger = harness.dial();
    stranger.handshake({ sessionId: other.sessionId + 1_000n, passwd: other.passwd });
    expect(thief.received).toEqual(stranger.received);
    expect([thief.closed, stranger.closed, other.closed]).toEqual([true, true, false]);
    expect(other.call("exists", { path: "/mine", watch: false })).toHaveProperty("stat");
  });
});

function lastReply(client: TestClient): { readonly zxid: number } {
  const reply = client.received.findLast((received) => received.kind === "reply");
  if (reply?.kind !== "reply") throw new Error("there was no reply");
  return reply.header;
}
