import { CreateMode, OpCode, openAcl } from "@corral/protocol";
import { expect, test } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";
import { answerSize } from "./answer-size.ts";

const h = new ReplicaHarness();
const client = h.connect();
const create = (path: string, bytes: number, flags: number = CreateMode.persistent) =>
  client.call("create", { path, data: Buffer.alloc(bytes), acl: openAcl, flags });
create("/long", 50_000);
create("/parent", 10);
for (let i = 0; i < 1_000; i++) create(`/parent/member-${String(i).padStart(10, "0")}`, 0, CreateMode.ephemeral);

/** Somebody with so long a write under way. */
const asking = (longestWrite: number) => ({ identityText: 30, queue: { longestWrite } });

const list = { path: "/parent", watch: false };
const requests: [string, () => Buffer][] = [
  ["data", () => client.encode("getData", { path: "/long", watch: false })],
  ["short data", () => client.encode("getData", { path: "/parent", watch: false })],
  ["a Stat", () => client.encode("exists", { path: "/long", watch: false })],
  ["children", () => client.encode("getChildren", list)],
  ["children with a Stat", () => client.encode("getChildren2", list)],
  [
    "data and children",
    () =>
      client.encode("multiRead", [
        { type: OpCode.getData, path: "/long", watch: false },
        { type: OpCode.getChildren, ...list },
      ]),
  ],
  ["ephemerals, not all of them", () => client.encode("getEphemerals", { prefixPath: "/" })],
  ["an access list", () => client.encode("getACL", { path: "/long" })],
  ["identities", () => client.encode("whoAmI", {})],
  ["nothing", () => client.encode("sync", { path: "/" })],
];

test.each(requests)("%s: about as long as the answer is, and no less than half of it", (_, request) => {
  const before = client.received.length;
  client.frames(request());
  const [reply] = client.received.slice(before);
  const bytes = reply?.kind === "reply" ? reply.body.length + 20 : Number.NaN;
  const size = answerSize(h.replica.state.tree, request(), asking(0));
  expect(size).toBeGreaterThan(bytes / 2);
  expect(size).toBeLessThan(2 * bytes + 100);
});

test("where a longer write is under way, data and lists are as long as that", () => {
  const { tree } = h.replica.state;
  const read = (path: string) => client.encode("getData", { path, watch: false });
  expect(answerSize(tree, read("/parent"), asking(9_000))).toBeGreaterThan(9_000);
  expect(answerSize(tree, read("/none-yet"), asking(9_000))).toBeGreaterThan(9_000);
  expect(answerSize(tree, read("/long"), asking(9_000))).toBeLessThan(51_000);
  expect(answerSize(tree, client.encode("getACL", { path: "/long" }), asking(9_000))).toBeGreaterThan(9_000);
  const children = client.encode("getChildren", { path: "/long", watch: false });
  expect(answerSize(tree, children, asking(9_000))).toBeGreaterThan(9_000);
  const several = client.encode("multiRead", [{ type: OpCode.getData, path: "/parent", watch: false }]);
  expect(answerSize(tree, several, asking(9_000))).toBeGreaterThan(9_000);
});

test.each(["getData", "getChildren", "multiRead"] as const)(
  "a %s that cannot be read has a short answer",
  (operation) => {
    const header = client.encode("getData", list).subarray(0, 8);
    header.writeInt32BE(OpCode[operation], 4);
    for (const body of [[], [0], [127, 255, 255, 255, 0], [255, 255, 255, 255], [0, 0, 0, 9, 47]]) {
      expect(answerSize(h.replica.state.tree, Buffer.concat([header, Buffer.from(body)]), asking(0))).toBeLessThan(200);
    }
  },
);

test("who has many identities has a long answer when he asks who he is", () => {
  const request = client.encode("whoAmI", {});
  expect(answerSize(h.replica.state.tree, request, { ...asking(0), identityText: 50_000 })).toBeGreaterThan(50_000);
});
