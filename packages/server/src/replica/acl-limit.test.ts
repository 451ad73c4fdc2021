import { type Acl, ErrorCode, OpCode, openAcl } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";
import { tooLongAcl } from "./acl-limit.ts";

const node = (path: string) => ({ path, data: Buffer.alloc(1), acl: openAcl, flags: 0 });
const auth = (perms: number) => ({ perms, id: { scheme: "auth", id: "" } });
const invalid = { type: "error", code: ErrorCode.InvalidAcl };
const set = (acl: readonly Acl[]) => ({ type: OpCode.setACL, request: { path: "/a", acl, version: -1 } }) as const;

test("too many entries are refused, in a transaction too", () => {
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

test("what would be longer than a frame is refused, though it is short when it is asked for", () => {
  const limits = { maxAclEntries: 100, maxFrameBytes: 2_000 };
  const h = new ReplicaHarness({ limits });
  const client = h.connect();
  client.call("create", node("/a"));
  const proof = Buffer.from(`${"u".repeat(500)}:password`);
  client.send("auth", { type: 0, scheme: "digest", auth: proof }, -4);
  const list = (count: number) => Array.from({ length: count }, (_, i) => auth(31 - i));
  expect(client.call("setACL", { path: "/a", acl: list(4), version: -1 })).toBe(ErrorCode.InvalidAcl);
  expect(client.call("setACL", { path: "/a", acl: list(1), version: -1 })).toHaveProperty("stat");
  // As many bytes as came, each of which was none of UTF-8.
  const asked = (length: number) => set([{ perms: 31, id: { scheme: "digest", id: `a:${"\ufffd".repeat(length)}` } }]);
  expect(tooLongAcl(asked(700), 800, limits, { identities: [] })).toEqual(invalid);
  expect(tooLongAcl(asked(600), 700, limits, { identities: [] })).toBeUndefined();
});

describe("what `auth` adds", () => {
  const limits = { maxAclEntries: 1_000, maxFrameBytes: 1_000_000 };
  /** Of which each takes 100 bytes. */
  const proven = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ scheme: "digest", id: `${i}:`.padEnd(82, "x") }));
  const multi = (...lists: (readonly Acl[])[]) =>
    ({ type: OpCode.multi, request: lists.map((acl) => ({ type: OpCode.create, ...node("/a"), acl })) }) as const;

  test.each([
    ["16 KiB", [auth(31)], 100, 163],
    ["for each permission", [auth(31), auth(1)], 100, 81],
    ["for each only once", Array.from({ length: 1_000 }, (_, i) => auth(i % 2)), 100, 81],
    ["eight times what came", [auth(31)], 3_000, 240],
    ["besides the others", [auth(31), ...proven(500).map((id) => ({ perms: 1, id }))], 100, 163],
  ])("is %s at most", (_what, acl, requestBytes, most) => {
    expect(tooLongAcl(set(acl), requestBytes, limits, { identities: proven(most) })).toBeUndefined();
    expect(tooLongAcl(set(acl), requestBytes, limits, { identities: proven(most + 1) })).toEqual(invalid);
  });

  test("is no address, and no superuser", () => {
    const others = [
      { scheme: "super", id: "" },
      { scheme: "ip", id: "10.0.0.1" },
    ];
    expect(tooLongAcl(set([auth(31)]), 100, limits, { identities: [...others, ...proven(163)] })).toBeUndefined();
  });

  const refusedAt = (at: number, count: number) => ({
    type: "multi",
    results: Array.from({ length: count }, (_, i) => ({
      type: OpCode.error,
      err: i < at ? ErrorCode.Ok : i === at ? ErrorCode.InvalidAcl : ErrorCode.RuntimeInconsistency,
    })),
  });

  test("counts for all lists of a transaction together", () => {
    const identities = proven(80);
    const lists = [[auth(31)], openAcl, [auth(1)]];
    expect(tooLongAcl(multi(...lists), 100, limits, { identities })).toBeUndefined();
    expect(tooLongAcl(multi(...lists, [auth(2)], openAcl), 100, limits, { identities })).toEqual(refusedAt(3, 5));
  });

  const other = (id: string, perms = 1) => ({ perms, id: { scheme: "digest", id } });

  test("counts once for the same list again and again", () => {
    const identities = proven(80);
    const taken = (...lists: (readonly Acl[])[]) => tooLongAcl(multi(...lists), 100, limits, { identities });
    const list = () => [other("a:b"), auth(31)];
    expect(taken(list(), list(), openAcl, list(), [other("a:b")], list())).toBeUndefined();
    expect(taken(list(), [auth(31)], list())).toEqual(refusedAt(2, 3));
    for (const another of [
      [other("a:c"), auth(31)],
      [other("a:b", 2), auth(31)],
      [...list(), other("a:b")],
    ]) {
      expect(taken(list(), another, list())).toEqual(refusedAt(2, 3));
    }
  });

  test.each([
    ["4 MiB", 100, 262],
    ["eight times what came", 1_000_000, 500],
  ])("is %s at most in all parts, the same lists too", (_what, requestBytes, most) => {
    const identities = proven(160);
    const lists = (count: number) => multi(...Array.from({ length: count }, () => [auth(31)]));
    expect(tooLongAcl(lists(most), requestBytes, limits, { identities })).toBeUndefined();
    expect(tooLongAcl(lists(most + 1), requestBytes, limits, { identities })).toEqual(refusedAt(most, most + 1));
  });

  test("may be a hundred users in one list, and in each of sixty, and five in each of a thousand", () => {
    const h = new ReplicaHarness();
    const client = h.connect();
    const prove = (i: number) =>
      client.send("auth", { type: 0, scheme: "digest", auth: Buffer.from(`user${i}:secret`) }, -4);
    for (let i = 0; i < 5; i++) prove(i);
    const create = (i: number) => ({ type: OpCode.create, ...node(`/n${i}`), acl: [auth(31)] }) as const;
    client.call(
      "multi",
      Array.from({ length: 1_000 }, (_, i) => create(i)),
    );
    expect(h.replica.state.tree.get("/n999")?.acl).toHaveLength(5);
    for (let i = 5; i < 99; i++) prove(i);
    client.call("create", { ...node("/all"), acl: [auth(31), ...Array.from({ length: 900 }, () => auth(1))] });
    expect(h.replica.state.tree.get("/all")?.acl).toHaveLength(198);
    client.call(
      "multi",
      Array.from({ length: 60 }, (_, i) => create(1_000 + i)),
    );
    expect(h.replica.state.tree.get("/n1059")?.acl).toHaveLength(99);
  });

  test("is not put in where it is too long, and nothing of it is in the log", () => {
    const h = new ReplicaHarness();
    const client = h.connect();
    for (let i = 0; i < 58; i++) {
      const proof = Buffer.from(`${String(i).padStart(400, "u")}:secret`);
      client.send("auth", { type: 0, scheme: "digest", auth: proof }, -4);
    }
    const { lastZxid } = h.replica.state;
    const wrong = { perms: 1, id: { scheme: "unheard-of", id: "" } };
    expect(client.call("create", { ...node("/a"), acl: [auth(31), wrong] })).toBe(ErrorCode.InvalidAcl);
    expect(client.call("create", { ...node("/a"), acl: [auth(31)] })).toBe(ErrorCode.InvalidAcl);
    expect(h.replica.state.lastZxid).toBe(lastZxid);
  });
});
