/** As 3.5, of which there is none to compare with; 3.8.0 is in `test/interop/compatibility.test.ts`, beside the real one. */
import { AddWatchMode, CreateMode, ErrorCode, OpCode, openAcl, Permission, WatcherType } from "@corral/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../test-support/replica-harness.ts";
import { subjectOf } from "../test-support/subject.ts";
import { answerFourLetterWord } from "./admin/four-letter-words.ts";

let h: ReplicaHarness;
let c: TestClient;
beforeEach(() => {
  h = new ReplicaHarness({ compatibility: "3.5" });
  c = h.connect(20_000);
});

const node = (path: string, flags = 0) => ({ path, data: Buffer.from("x"), acl: openAcl, flags });

const ofNobody = [{ perms: Permission.all, id: { scheme: "digest", id: "bob:x" } }];

test.each([
  ["3.5", ["1 /secret"], ["1 /secret"]],
  ["3.8.0", [], ["1 /secret"]],
  [undefined, [], []],
] as const)(
  "events of what one may not read, as %s: as they happen, and by setWatches",
  (compatibility, live, missed) => {
    const harness = new ReplicaHarness(compatibility && { compatibility });
    const [watcher, other] = [harness.connect(), harness.connect()];
    watcher.call("exists", { path: "/secret", watch: true });
    other.call("create", { ...node("/secret"), acl: ofNobody });
    expect(watcher.events).toEqual(live);
    const seen = watcher.call("exists", { path: "/secret", watch: false });
    expect(seen).toEqual(
      compatibility === undefined ? ErrorCode.NoAuth : expect.objectContaining({ stat: expect.anything() }),
    );
    watcher.call("setWatches", { relativeZxid: 0, dataWatches: [], existWatches: ["/secret"], childWatches: [] });
    expect(watcher.events).toEqual([...live, ...missed]);
  },
);

test.each(["3.5", "3.8.0", undefined] as const)("the zxid in an event, as %s", (compatibility) => {
  const harness = new ReplicaHarness(compatibility && { compatibility });
  const client = harness.connect();
  client.call("exists", { path: "/a", watch: true });
  client.call("create", node("/a"));
  const event = client.received.find(({ kind }) => kind === "event");
  expect(event).toMatchObject({ zxid: compatibility === undefined ? harness.replica.state.lastZxid : -1 });
});

describe("as 3.5", () => {
  test.each([
    ["multiRead", [{ type: OpCode.getData, path: "/", watch: false }]],
    ["getEphemerals", { prefixPath: "/" }],
    ["getAllChildrenNumber", { path: "/" }],
    [
      "setWatches2",
      {
        relativeZxid: 0,
        dataWatches: [],
        existWatches: [],
        childWatches: [],
        persistentWatches: [],
        persistentRecursiveWatches: [],
      },
    ],
    ["addWatch", { path: "/", mode: AddWatchMode.persistent }],
    ["whoAmI", {}],
  ] as const)("%s is Unimplemented, and ends the connection but not the session", (operation, request) => {
    c.call("create", node("/mine", CreateMode.ephemeral));
    expect(c.call(operation, request as never)).toBe(ErrorCode.Unimplemented);
    expect(c.closed).toBe(true);
    expect(h.logs.at(-1)?.fields.reason).toContain("3.5");
    const again = h.dial();
    again.handshake({ sessionId: c.sessionId, passwd: c.passwd });
    expect(again.call("exists", { path: "/mine", watch: false })).toMatchObject({
      stat: { ephemeralOwner: c.sessionId },
    });
  });

  test("types of watch are those of its two tables; the others cannot be read, and the connection stays", () => {
    c.call("getData", { path: "/", watch: true });
    expect(c.call("checkWatches", { path: "/", type: WatcherType.data })).toEqual({});
    expect(c.call("checkWatches", { path: "/", type: WatcherType.persistentRecursive })).toBe(
      ErrorCode.MarshallingError,
    );
    expect(c.call("removeWatches", { path: "/", type: WatcherType.any })).toEqual({});
    expect(c.closed).toBe(false);
  });

  test("time to live is Unimplemented, alone and in a transaction, and the connection stays", () => {
    const ttl = { ...node("/t", CreateMode.persistentWithTtl), ttl: 1_000 };
    const { lastZxid } = h.replica.state;
    expect(c.call("createTTL", ttl)).toBe(ErrorCode.Unimplemented);
    expect(
      c.call("multi", [
        { type: OpCode.create, ...node("/a") },
        { type: OpCode.createTTL, ...ttl },
      ]),
    ).toEqual([
      { type: OpCode.error, err: ErrorCode.Ok },
      { type: OpCode.error, err: ErrorCode.Unimplemented },
    ]);
    expect([h.replica.state.lastZxid, c.closed]).toEqual([lastZxid, false]);
  });

  test("a container that never had a child stays", () => {
    c.call("createContainer", node("/unused", CreateMode.container));
    for (let i = 0; i < 40; i++) {
      h.pass(10_000);
      c.send("ping", {}, -2);
    }
    expect(h.replica.state.tree.get("/unused")).toBeDefined();
  });

  test("sync does not wait for what others have asked for", () => {
    for (const compatibility of ["3.5", undefined] as const) {
      const slow = new ReplicaHarness({ log: "manual", ...(compatibility && { compatibility }) });
      const [writer, reader] = [slow.connect(), slow.connect()];
      slow.durable();
      writer.send("create", node("/n"));
      reader.send("sync", { path: "/" });
      const answered = reader.received.filter(({ kind }) => kind === "reply").length;
      expect([compatibility, answered]).toEqual([compatibility, compatibility === undefined ? 0 : 1]);
    }
  });

  test("it does not say that it is one of ours", async () => {
    const version = /^Zookeeper version: 3\.5\.\d+\b/;
    expect(await answerFourLetterWord("srvr", subjectOf(h))).toMatch(version);
    expect(await answerFourLetterWord("srvr", subjectOf(h))).not.toMatch(/corral/i);
    expect(await answerFourLetterWord("srvr", subjectOf(new ReplicaHarness()))).toMatch(/corral/);
  });
});
