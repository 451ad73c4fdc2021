/** What became durable together is applied a slice at a time; others have their turn in between. */
import { ErrorCode, OpCode, openAcl } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { type HarnessOptions, ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

const node = (path: string, size = 0) => ({ path, data: Buffer.alloc(size), acl: openAcl, flags: 0 });
/** A transaction of so many parts. */
const multi = (path: string, parts: number) => [
  { type: OpCode.create, ...node(path) } as const,
  ...Array.from({ length: parts - 1 }, () => ({ type: OpCode.check, path, version: 0 }) as const),
];
const errors = ({ received }: TestClient) => received.flatMap((r) => (r.kind === "reply" ? [r.header.err] : []));
const xids = ({ received }: TestClient) => received.flatMap((r) => (r.kind === "reply" ? [r.header.xid] : []));

/** Two clients, and turns that pass when they are told to. */
function crowded(options: HarnessOptions = {}) {
  const limits = { maxTurnRequests: 10, maxTurnBytes: 10_000, ...options.limits };
  const h = new ReplicaHarness({ log: "manual", turns: "manual", ...options, limits });
  const [writer, other] = [h.connect(), h.connect()];
  h.durable();
  const exists = (path: string) => typeof other.call("exists", { path, watch: false }) !== "number";
  return { h, writer, other, exists };
}

describe("of what became durable together", () => {
  test("one big transaction is applied in a turn, in order, and others are answered from what there is", () => {
    const { h, writer, exists } = crowded();
    for (const path of ["/a", "/b", "/c"]) writer.send("multi", multi(path, 10));
    writer.send("exists", { path: "/a", watch: false });
    h.durable();
    expect([xids(writer), exists("/a"), exists("/b")]).toEqual([[1], true, false]);
    h.goOn();
    expect([xids(writer), exists("/b"), exists("/c")]).toEqual([[1, 2], true, false]);
    expect(h.replica.outstanding).toBe(1);
    h.goOn();
    expect([xids(writer), exists("/c")]).toEqual([[1, 2, 3, 4], true]);
    expect([h.goOn(), h.replica.outstanding]).toEqual([false, 0]);
  });

  test("small writes are applied together, as many as the turn may take with their replies", () => {
    const { h, writer } = crowded();
    for (let i = 0; i < 12; i++) writer.send("create", node(`/n${i}`));
    h.durable();
    const turns = [xids(writer).length];
    while (h.goOn()) turns.push(xids(writer).length);
    expect(turns).toEqual([5, 10, 12]);
    // They became durable with one sync all the same.
    expect(h.replica.stats.entriesPerSync.sum).toBe(2 + 12);
  });

  test("those that are proposed meanwhile, behind a handshake, count with their own sync", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const client = h.dial();
    client.handshake();
    client.frames(...Array.from({ length: 10 }, (_, i) => client.encode("create", node(`/n${i}`))));
    h.durable();
    expect(h.replica.stats.entriesPerSync.sum).toBe(1);
    h.durable();
    expect(h.replica.stats.entriesPerSync.sum).toBe(11);
  });

  test("their bytes count", () => {
    const { h, writer } = crowded();
    for (const path of ["/a", "/b"]) writer.send("create", node(path, 10_000));
    h.durable();
    expect(xids(writer)).toEqual([1]);
    h.goOn();
    expect(xids(writer)).toEqual([1, 2]);
  });

  test("lines of the audit log count by their length, up to a sixteenth of what may wait for its disk", () => {
    const auth = { type: 0, scheme: "digest", auth: Buffer.from(`${"x".repeat(2_000)}:secret`) };
    const turnsOf = (isAudited: boolean) => {
      const { h, writer } = crowded({ isAudited, limits: { maxTurnBytes: 100_000, maxAuditBytes: 64_000 } });
      writer.send("auth", auth, -4);
      for (let i = 0; i < 4; i++) writer.send("create", node(`/n${i}`));
      h.durable();
      const turns = [h.audited.length];
      while (h.goOn()) turns.push(h.audited.length);
      return turns;
    };
    expect(turnsOf(true)).toEqual([2, 4]);
    expect(turnsOf(false)).toEqual([0]);
  });

  test("events count, to each of those who wait", () => {
    const { h, writer, exists } = crowded();
    for (let i = 0; i < 10; i++) {
      const watcher = h.connect();
      h.durable();
      watcher.call("exists", { path: "/a", watch: true });
    }
    for (const path of ["/a", "/b"]) writer.send("create", node(path));
    h.durable();
    expect([exists("/a"), exists("/b")]).toEqual([true, false]);
    h.goOn();
    expect(exists("/b")).toBe(true);
  });

  test("the ephemerals count that go with their session", () => {
    const { h, writer, other, exists } = crowded();
    for (let i = 0; i < 10; i++) {
      other.send("create", { ...node(`/e${i}`), flags: 1 });
      h.durable();
    }
    const third = h.connect();
    h.durable();
    other.send("closeSession", {});
    writer.send("create", node("/b"));
    h.durable();
    expect([other.closed, xids(writer)]).toEqual([true, []]);
    h.goOn();
    expect([third.call("exists", { path: "/e0", watch: false }), xids(writer)]).toEqual([ErrorCode.NoNode, [1]]);
    expect(exists).toThrow();
  });

  test("all is applied before what is durable later, and a sync waits for both", () => {
    const { h, writer, other } = crowded();
    for (const path of ["/a", "/b"]) writer.send("multi", multi(path, 10));
    h.durable();
    writer.send("create", node("/c"));
    other.send("sync", { path: "/" });
    h.durable();
    expect([xids(writer), xids(other)]).toEqual([[1], []]);
    while (h.goOn());
    expect([xids(writer), xids(other)]).toEqual([[1, 2, 3], [1]]);
  });
});

test("a server that stops applies at once what is durable", () => {
  const { h, writer } = crowded();
  for (const path of ["/a", "/b", "/c"]) writer.send("multi", multi(path, 10));
  h.durable(h.pendingZxid - 1);
  h.input({ type: "stop" });
  expect(xids(writer)).toEqual([1, 2]);
  h.durable();
  expect([xids(writer), h.goOn(), h.goOn()]).toEqual([[1, 2, 3], true, false]);
});

test("when the log fails, what is durable is answered, and what is not is cut off", () => {
  const { h, writer, other } = crowded();
  for (const path of ["/a", "/b"]) writer.send("multi", multi(path, 10));
  h.durable();
  other.send("create", node("/c"));
  h.input({ type: "logFailed" });
  expect([errors(writer), writer.closed, other.closed]).toEqual([[0, 0], false, true]);
  expect(writer.call("exists", { path: "/c", watch: false })).toBe(ErrorCode.NoNode);
});
