/** Quotas: what they say, what is counted, and that it is counted whatever becomes of a write. */
import { CreateMode, ErrorCode, OpCode, openAcl } from "@corral/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { looksUp } from "../../test-support/look-ups.ts";
import { picture, StateDriver } from "../../test-support/state-driver.ts";
import { describedQuota, parseQuotaLimits } from "./quota.ts";
import { snapshotChunks } from "./snapshot.ts";
import { SnapshotReader } from "./snapshot-reader.ts";
import { StateMachine } from "./state-machine.ts";

const none = { count: -1, bytes: -1, countHardLimit: -1, byteHardLimit: -1 };

describe("the text of limits", () => {
  test.each([
    ["count=5,bytes=-1", { ...none, count: 5 }],
    ["count=-1,bytes=7", { ...none, bytes: 7 }],
    [
      "count=4,bytes=20=;byteHardLimit=30;countHardLimit=5",
      { count: 4, bytes: 20, byteHardLimit: 30, countHardLimit: 5 },
    ],
    ["count=4=;countHardLimit=5", { ...none, count: 4, countHardLimit: 5 }],
    ["bytes=3,__proto__=1,other=2", { ...none, bytes: 3 }],
    ["bytes=+3,", { ...none, bytes: 3 }],
    ["", none],
  ])("%s", (text, limits) => {
    expect(parseQuotaLimits(Buffer.from(text))).toEqual(limits);
  });

  test.each([
    "nonsense",
    "count=",
    "count=x,bytes=3",
    " count = 1 , bytes = 1 ",
    ",count=1",
    "count=9223372036854775808",
  ])("cannot be read: %s", (text) => {
    expect(parseQuotaLimits(Buffer.from(text))).toBeUndefined();
    expect(parseQuotaLimits(null)).toBeUndefined();
  });
});

test.each([
  ["/zookeeper/quota/a/b/zookeeper_limits", { quota: "/a/b", half: "limits" }],
  ["/zookeeper/quota/a/zookeeper_stats", { quota: "/a", half: "stats" }],
  ["/zookeeper/quota/zookeeper_limits", undefined],
  ["/zookeeper/quota/a/other", undefined],
  ["/a/zookeeper_limits", undefined],
])("what %s describes", (path, described) => {
  expect(describedQuota(path)).toEqual(described);
});

describe("counting", () => {
  let d: StateDriver;
  const data = (bytes: number) => Buffer.alloc(bytes);
  const stats = () => d.state.tree.get("/zookeeper/quota/q/zookeeper_stats")?.data?.toString();
  const limit = (text: string) => d.set("/zookeeper/quota/q/zookeeper_limits", Buffer.from(text));

  beforeEach(() => {
    d = new StateDriver();
    d.session(1n);
    d.create("/q", CreateMode.persistent, data(5));
    d.create("/q/a", CreateMode.persistent, data(1));
    d.create("/zookeeper/quota/q");
    d.create("/zookeeper/quota/q/zookeeper_limits", CreateMode.persistent, Buffer.from("count=3,bytes=10"));
    d.create("/zookeeper/quota/q/zookeeper_stats", CreateMode.persistent, null);
  });

  test("begins with what there is, and follows every change without a version", () => {
    expect(stats()).toBe("count=2,bytes=6");
    d.create("/q/b", CreateMode.ephemeral, data(3));
    expect(stats()).toBe("count=3,bytes=9");
    d.set("/q/b", null);
    expect(stats()).toBe("count=3,bytes=6");
    d.apply({ type: OpCode.closeSession, request: {} });
    expect(stats()).toBe("count=2,bytes=6");
    expect(d.stat("/zookeeper/quota/q/zookeeper_stats")).toMatchObject({ version: 0, dataLength: 15 });
  });

  test("a transaction that fails leaves the books as they were", () => {
    const before = picture(d.state);
    const node = (path: string) => ({ type: OpCode.create, path, data: data(2), acl: openAcl, flags: 0 }) as const;
    d.multi(
      node("/q/b"),
      { type: OpCode.setData, path: "/q/a", data: data(9), version: -1 },
      { type: OpCode.delete, path: "/q/a", version: -1 },
      { type: OpCode.delete, path: "/zookeeper/quota/q/zookeeper_limits", version: -1 },
      node("/q/c"),
      { type: OpCode.delete, path: "/q/missing", version: -1 },
    );
    expect(picture(d.state)).toEqual({ ...(before as object), lastZxid: d.state.lastZxid });
    d.create("/q/b", CreateMode.persistent, data(2));
    expect(stats()).toBe("count=3,bytes=8");
  });

  test("beyond a soft limit nothing is refused, and the log is told", () => {
    d.enforcesQuota = true;
    d.create("/q/b", CreateMode.persistent, data(1));
    expect(d.excesses).toEqual([]);
    expect(d.create("/q/c", CreateMode.persistent, data(9))).toMatchObject({ type: "createdWithStat" });
    expect(d.excesses).toEqual([
      { quota: "/q", of: "count", limit: 3, wanted: 4, isHard: false },
      { quota: "/q", of: "bytes", limit: 10, wanted: 16, isHard: false },
    ]);
  });

  test("beyond a hard limit it is the entry that says whether it is refused", () => {
    limit("count=1,bytes=1=;byteHardLimit=7;countHardLimit=2");
    expect(d.create("/q/b", CreateMode.persistent, null)).toMatchObject({ type: "createdWithStat" });
    expect(d.excesses).toEqual([{ quota: "/q", of: "count", limit: 2, wanted: 3, isHard: true }]);
    d.enforcesQuota = true;
    const refused = { type: "error", code: ErrorCode.QuotaExceeded };
    expect(d.create("/q/c", CreateMode.persistent, null)).toEqual(refused);
    expect(d.set("/q/a", data(3))).toEqual(refused);
    expect(d.set("/q/a", data(2))).toMatchObject({ type: "changed" });
    expect(d.create("/elsewhere", CreateMode.persistent, data(100))).toMatchObject({ type: "createdWithStat" });
    expect(stats()).toBe("count=3,bytes=7");
  });

  test("is taken up again from a snapshot", () => {
    limit("countHardLimit=2");
    const reader = new SnapshotReader(0);
    for (const chunk of snapshotChunks(d.state)) reader.onChunk(chunk);
    const again = new StateDriver(new StateMachine(reader.finish()));
    again.enforcesQuota = true;
    expect(again.create("/q/b")).toEqual({ type: "error", code: ErrorCode.QuotaExceeded });
    expect(again.set("/q/a", Buffer.alloc(2))).toMatchObject({ type: "changed" });
    d.set("/q/a", Buffer.alloc(2));
    const text = (of: StateDriver) => of.state.tree.get("/zookeeper/quota/q/zookeeper_stats")?.data?.toString();
    expect(text(again)).toBe(text(d));
  });

  test.each(["limits", "stats"])("if its %s cannot be read, all that it might forbid is", (half) => {
    const unreadable = `/zookeeper/quota/q/zookeeper_${half}`;
    d.set(unreadable, Buffer.from("garbage"));
    expect(d.create("/q/b")).toMatchObject({ type: "createdWithStat" });
    expect(d.excesses).toEqual([{ quota: "/q", unreadable }]);
    d.enforcesQuota = true;
    for (const refused of [d.create("/q/c"), d.set("/q/a", Buffer.alloc(1))]) {
      expect(refused).toEqual({ type: "error", code: ErrorCode.MarshallingError });
    }
    expect(d.state.tree.get(unreadable)?.data?.toString()).toBe("garbage");
    d.set(unreadable, Buffer.from("count=1,bytes=1"));
    expect(d.set("/q/a", Buffer.alloc(1))).toMatchObject({ type: "changed" });
  });
});

describe("the nearest quota", () => {
  const deep = "/a".repeat(300);
  const limitsOf = (quota: string) => `/zookeeper/quota${quota}/zookeeper_limits`;

  /** A driver with limits for all of these, and for what has to be there above them. */
  function withLimits(...quotas: readonly string[]): StateDriver {
    const d = new StateDriver();
    d.session(1n);
    for (const quota of quotas) {
      for (let at = quota.indexOf("/", 1); at > 0; at = quota.indexOf("/", at + 1)) {
        d.create(`/zookeeper/quota${quota.slice(0, at)}`);
      }
      d.create(`/zookeeper/quota${quota}`);
      d.create(limitsOf(quota), CreateMode.persistent, Buffer.from("count=-1"));
    }
    return d;
  }

  test("is at the path or above it, by whole names", () => {
    const { state } = withLimits("/a", "/a/b/c", "/ab", "/zookeeper");
    const { tree } = state;
    const nearest = (...paths: string[]) => paths.map((path) => tree.quotaAbove(path));
    expect(nearest("/a", "/a/b", "/a/b/cc", "/a/x/c")).toEqual(["/a", "/a", "/a", "/a"]);
    expect(nearest("/a/b/c", "/a/b/c/d/e")).toEqual(["/a/b/c", "/a/b/c"]);
    expect(nearest("/ab", "/ab/c", "/zookeeper/quota")).toEqual(["/ab", "/ab", "/zookeeper"]);
    expect(nearest("/", "", "/abc", "/b/a", "/__proto__")).toEqual(Array(5).fill(undefined));
  });

  test("is another when one goes, in a transaction that fails also", () => {
    const d = withLimits("/a", "/a/b/c", "/a/b/d");
    const nearest = () => ["/a/b/c/x", "/a/b/d", "/a"].map((path) => d.state.tree.quotaAbove(path));
    const remove = (quota: string) => ({ type: OpCode.delete, path: limitsOf(quota), version: -1 }) as const;
    d.multi(remove("/a/b/c"), remove("/a"), remove("/missing"));
    expect(nearest()).toEqual(["/a/b/c", "/a/b/d", "/a"]);
    d.delete(limitsOf("/a/b/c"));
    expect(nearest()).toEqual(["/a", "/a/b/d", "/a"]);
    d.delete(limitsOf("/a"));
    expect(nearest()).toEqual([undefined, "/a/b/d", undefined]);
    d.delete(limitsOf("/a/b/d"));
    expect(nearest()).toEqual([undefined, undefined, undefined]);
    d.create(limitsOf("/a/b/c"));
    expect(nearest()).toEqual(["/a/b/c", undefined, undefined]);
  });

  test.each([
    ["one elsewhere", ["/b"]],
    ["one above", ["/a"]],
    ["one at every step", Array.from({ length: 150 }, (_, i) => "/a".repeat(i + 1))],
    ["one beside every step", Array.from({ length: 150 }, (_, i) => `${"/a".repeat(i)}/b`)],
  ])("is found with no more text looked up than the path has: %s", (_what, quotas) => {
    const { tree } = withLimits(...quotas).state;
    const texts = looksUp(() => tree.quotaAbove(deep));
    expect(texts.join("").length).toBeLessThan(deep.length);
  });
});
