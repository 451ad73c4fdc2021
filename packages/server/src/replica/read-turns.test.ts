/** Reads that go through many nodes in vain: others have their turn in between. */
import { CreateMode, ErrorCode, OpCode, openAcl } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";
import type { Limits } from "../limits.ts";

const node = (path: string, flags: number = CreateMode.persistent) => ({ path, data: null, acl: openAcl, flags });
const replies = ({ received }: TestClient) => received.filter(({ kind }) => kind === "reply").length;

/** Two clients, of which one has nodes that it can have gone through in vain; and turns that pass when they are told to. */
function crowded(limits: Partial<Limits>, timeoutMs = 10_000) {
  const h = new ReplicaHarness({ turns: "manual", limits });
  const [asking, other] = [h.connect(timeoutMs), h.connect(20_000)];
  asking.call("create", node("/p"));
  for (let i = 0; i < 20; i++) asking.call("create", node(`/p/${"n".repeat(90)}${i}`, CreateMode.ephemeral));
  while (h.goOn() || h.readOn());
  const [before, beforeOther] = [replies(asking), replies(other)];
  const answered = () => [replies(asking) - before, replies(other) - beforeOther];
  const lookInVain = () => asking.encode("getEphemerals", { prefixPath: "/nothing" });
  return { h, asking, other, answered, lookInVain };
}

const list = { path: "/p", watch: false };
const costly: [string, (client: TestClient) => Buffer][] = [
  ["ephemerals that are none of those asked for", (c) => c.encode("getEphemerals", { prefixPath: "/nothing" })],
  ["a list of ephemerals that is too long", (c) => c.encode("getEphemerals", { prefixPath: "/p" })],
  ["a list of children that is too long", (c) => c.encode("getChildren", list)],
  ["the same with Stat", (c) => c.encode("getChildren2", list)],
  ["the same among several reads", (c) => c.encode("multiRead", [{ type: OpCode.getChildren, ...list }])],
];

describe.each(costly)("%s", (_, encode) => {
  test("is looked for once in a turn, and connections take turns", () => {
    const { h, asking, other, answered } = crowded({
      maxTurnRequests: 20,
      maxTurnBytes: 1_000,
      maxResponseBytes: 1_000,
    });
    asking.frames(encode(asking), encode(asking), encode(asking));
    other.frames(other.encode("getChildren", { path: "/zookeeper", watch: false }));
    expect(answered()).toEqual([1, 0]);
    h.readOn();
    expect(answered()).toEqual([2, 0]);
    h.readOn();
    expect(answered()).toEqual([3, 1]);
    expect([h.readOn(), h.readOn()]).toEqual([true, false]);
  });
});

describe("when reads have gone through as much as one turn may take", () => {
  test("what cannot go through much is answered at once, but in its order", () => {
    const { h, asking, other, answered, lookInVain } = crowded({ maxTurnRequests: 20 });
    asking.frames(lookInVain(), lookInVain(), asking.encode("exists", { path: "/p", watch: false }));
    other.call("exists", { path: "/p", watch: false });
    other.call("create", node("/new"));
    expect(answered()).toEqual([1, 2]);
    h.readOn();
    expect(answered()).toEqual([3, 2]);
  });

  test("a turn is never too short for one", () => {
    const { h, asking, answered, lookInVain } = crowded({ maxTurnRequests: 1 });
    asking.frames(lookInVain(), lookInVain());
    const turns = [answered()[0]];
    while (h.readOn()) turns.push(answered()[0]);
    expect(turns).toEqual([1, 2, 2]);
  });

  test("who was not answered for want of taking waits as well, and who is gone no more", () => {
    const { h, asking, answered, lookInVain } = crowded({ maxTurnRequests: 20, softUnsentBytes: 100 });
    const frames = [lookInVain(), lookInVain()];
    asking.frames(lookInVain());
    h.input({ type: "frames", connection: asking.id, frames, unsentBytes: 1_000 });
    h.input({ type: "drained", connection: asking.id });
    expect(answered()).toEqual([1, 0]);
    h.readOn();
    expect(answered()).toEqual([2, 0]);
    h.input({ type: "disconnected", connection: asking.id });
    while (h.readOn());
    expect(answered()).toEqual([2, 0]);
  });

  test("the sessions of those who wait live", () => {
    const { h, asking, lookInVain } = crowded({ maxTurnRequests: 20 }, 4_000);
    asking.frames(lookInVain(), lookInVain());
    h.pass(12_000);
    h.readOn();
    expect(asking.closed).toBe(false);
    h.pass(12_000);
    expect(asking.closed).toBe(true);
  });
});

test.each(["getChildren", "multiRead", "getEphemerals"] as const)(
  "%s: a list may be as long as is allowed, in bytes",
  (operation) => {
    // Names of one unit and three bytes each, and of one byte.
    const names = ["角", "字", "a"];
    const listBytes = 4 + 3 * 4 + 7;
    const ask = (maxResponseBytes: number) => {
      const client = new ReplicaHarness({ limits: { maxResponseBytes } }).connect();
      client.call("create", node("/p"));
      for (const name of names) client.call("create", node(`/p/${name}`, CreateMode.ephemeral));
      if (operation === "getChildren") return client.call("getChildren", list);
      if (operation === "getEphemerals") return client.call("getEphemerals", { prefixPath: "/p/" });
      return client.call("multiRead", [{ type: OpCode.getChildren, ...list }]);
    };
    const most = { getChildren: listBytes, multiRead: listBytes + 16, getEphemerals: listBytes - 4 + 9 }[operation];
    expect(JSON.stringify(ask(most))).toContain("字");
    expect(ask(most - 1)).toBe(ErrorCode.SystemError);
  },
);
