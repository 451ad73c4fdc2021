/** What reads go through without sending it: it counts, and lists that are too long are refused before they are made. */
import { CreateMode, ErrorCode, OpCode, openAcl } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

const node = (path: string, flags: number = CreateMode.persistent) => ({ path, data: null, acl: openAcl, flags });
const list = { path: "/p", watch: false };

/** A client with twenty ephemeral nodes of some hundred characters. */
function withNodes(maxResponseBytes: number) {
  const h = new ReplicaHarness({ limits: { maxResponseBytes } });
  const client = h.connect();
  client.call("create", node("/p"));
  for (let i = 0; i < 20; i++) client.call("create", node(`/p/${"n".repeat(90)}${i}`, CreateMode.ephemeral));
  expect(h.spent).toEqual({ requests: 0, bytes: 0 });
  return { h, client };
}

test("each ephemeral node that is not asked for counts as a request", () => {
  const { h, client } = withNodes(100_000);
  expect(client.call("getEphemerals", { prefixPath: `/p/${"n".repeat(90)}1` })).toMatchObject({
    ephemerals: { length: 11 },
  });
  expect(h.spent).toEqual({ requests: 9, bytes: 0 });
});

const refused: [string, (client: TestClient) => unknown][] = [
  ["ephemerals", (c) => c.call("getEphemerals", { prefixPath: "/p" })],
  ["children", (c) => c.call("getChildren", list)],
  ["children with Stat", (c) => c.call("getChildren2", list)],
  ["several lists", (c) => c.call("multiRead", [{ type: OpCode.getChildren, ...list }])],
];

test.each(refused)("a list that is too long counts with its bytes: %s", (_, call) => {
  const { h, client } = withNodes(1_000);
  expect(call(client)).toBe(ErrorCode.SystemError);
  expect(h.spent.bytes).toBeGreaterThan(1_000);
});

describe.each(["getChildren", "multiRead", "getEphemerals"] as const)("%s", (operation) => {
  test("a list may be as long as is allowed, in bytes", () => {
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
  });
});

test("what is known to be too long is not looked through again, until it is another list", () => {
  const { h, client } = withNodes(1_000);
  const ask = () => {
    const { bytes } = h.spent;
    expect(client.call("getChildren", list)).toBe(ErrorCode.SystemError);
    return h.spent.bytes - bytes;
  };
  expect(ask()).toBeGreaterThan(1_000);
  expect([ask(), ask()]).toEqual([0, 0]);
  client.call("create", node("/p/new"));
  expect(ask()).toBeGreaterThan(1_000);
});

describe("what waits behind a write counts for the turn in which it is answered, before the next write is applied", () => {
  const big = { path: "/big", data: Buffer.alloc(900), acl: openAcl, flags: 0 };
  test.each([
    ["nodes gone through in vain", (c: TestClient) => c.send("getEphemerals", { prefixPath: "/nothing" })],
    ["what is answered", (c: TestClient) => c.send("getData", { path: "/big", watch: false })],
  ])("%s", (_, ask) => {
    const h = new ReplicaHarness({
      log: "manual",
      turns: "manual",
      limits: { maxTurnRequests: 20, maxTurnBytes: 1_000 },
    });
    const [asking, other] = [h.connect(), h.connect()];
    const settle = (): void => {
      h.durable();
      while (h.goOn());
    };
    settle();
    for (let i = 0; i < 20; i++) asking.send("create", node(`/${i}`, CreateMode.ephemeral));
    asking.send("create", big);
    settle();
    asking.send("create", node("/a"));
    ask(asking);
    other.send("create", node("/b"));
    h.durable();
    const { tree } = h.replica.state;
    expect([tree.get("/a") !== undefined, tree.get("/b")]).toEqual([true, undefined]);
    while (h.goOn());
    expect(tree.get("/b")).toBeDefined();
  });
});

test("several lists that end in one that is known to be too long count with what was read before", () => {
  const { h, client } = withNodes(3_000);
  client.call("create", node("/q"));
  for (let i = 0; i < 40; i++) client.call("create", node(`/q/${"n".repeat(90)}${i}`));
  const parts = ["/p", "/q"].map((path) => ({ type: OpCode.getChildren, path, watch: false }) as const);
  for (let i = 0; i < 3; i++) {
    const { bytes } = h.spent;
    expect(client.call("multiRead", parts)).toBe(ErrorCode.SystemError);
    expect(h.spent.bytes - bytes).toBeGreaterThan(1_800);
  }
});

const getChildren = { type: OpCode.getChildren, path: "/", watch: false } as const;
const longReads: [string, number, (client: TestClient) => void][] = [
  ["getEphemerals", 1, (client) => client.send("getEphemerals", { prefixPath: "/" })],
  ["multiRead", 16, (client) => client.send("multiRead", [getChildren])],
];

describe.each(longReads)("while more %s than may take long wait, their connection is not read:", (_, most, ask) => {
  test("for a write", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const client = h.connect();
    h.durable();
    client.send("create", node("/a"));
    for (let i = 0; i < most; i++) ask(client);
    expect(client.paused).toBe(false);
    ask(client);
    expect(client.paused).toBe(true);
    h.durable();
    expect(client.paused).toBe(false);
  });

  test("for the handshake", () => {
    const h = new ReplicaHarness({ log: "manual" });
    const client = h.dial();
    client.handshake();
    for (let i = 0; i < most; i++) ask(client);
    expect(client.paused).toBe(false);
    ask(client);
    expect(client.paused).toBe(true);
    h.durable();
    expect([client.paused, client.received.length]).toEqual([false, most + 2]);
  });
});
