/** What the audit log is told, on a replica on a virtual clock. How it is written stands in ../audit. */
import { CreateMode, creatorAllAcl, ErrorCode, OpCode, openAcl, readOnlyAcl } from "@corral/protocol";
import { beforeEach, expect, test } from "vitest";
import { type HarnessOptions, ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";
import { auditLine } from "../audit/audit-line.ts";

let harness: ReplicaHarness;
let client: TestClient;

function begin(options: HarnessOptions = {}): void {
  harness = new ReplicaHarness({ isAudited: true, ...options });
  client = harness.connect();
}
beforeEach(() => begin());

const data = Buffer.from("secret data");
const open = { data, acl: openAcl, flags: CreateMode.persistent };

/** The lines so far, each as `operation path result [error] [part]`. */
const told = (): string[] =>
  harness.audited.map(({ operation, path, result, error, part }) =>
    [operation, path, result, error, part && `${part.number}/${part.of}`].filter((x) => x !== undefined).join(" "),
  );

test("nothing is told without an audit log", () => {
  begin({ isAudited: false });
  client.call("create", { path: "/a", ...open });
  expect(harness.audited).toEqual([]);
});

test("a write is told of with who, from where, and what came of it; a read is not", () => {
  client.call("create", { path: "/a", ...open });
  client.call("getData", { path: "/a", watch: false });
  client.call("getData", { path: "/nothing", watch: false });
  const { sessionId } = client;
  const { lastZxid } = harness.replica.state;
  expect(harness.audited).toEqual([
    {
      timeMs: 1_000_000,
      client: { identities: [{ scheme: "ip", id: "127.0.0.1" }], host: "127.0.0.1" },
      sessionId,
      zxid: lastZxid,
      operation: "create",
      path: "/a",
      createMode: CreateMode.persistent,
      result: "success",
    },
  ]);
});

test("each kind of write, and a sequential node by the name that it got", () => {
  client.call("create", { path: "/a", ...open });
  client.call("create2", { path: "/a/s-", ...open, flags: CreateMode.persistentSequential });
  client.call("createContainer", { path: "/c", ...open, flags: CreateMode.persistent });
  client.call("createTTL", { path: "/t", ...open, flags: CreateMode.persistentWithTtl, ttl: 1_000 });
  client.call("setData", { path: "/a", data, version: -1 });
  client.call("setACL", { path: "/a", acl: readOnlyAcl, version: -1 });
  client.call("delete", { path: "/t", version: -1 });
  client.call("reconfig", { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: 0 });
  expect(told()).toEqual([
    "create /a success",
    "create /a/s-0000000000 success",
    "create /c success",
    "create /t success",
    "setData /a success",
    "setAcl /a success",
    "delete /t success",
    `reconfig failure ${ErrorCode.ReconfigDisabled}`,
  ]);
  expect(harness.audited.map(({ createMode }) => createMode).slice(0, 4)).toEqual([0, 2, 4, 5]);
  expect(harness.audited.map(({ acl }) => acl)[5]).toEqual(readOnlyAcl);
});

test("an access list is told of where a create asks for one that is not everybody's", () => {
  client.send("auth", { type: 0, scheme: "digest", auth: Buffer.from("bob:secret") }, -4);
  client.call("create", { path: "/a", ...open, acl: creatorAllAcl });
  client.call("create", { path: "/b", ...open, acl: [] });
  expect(harness.audited.map(({ acl }) => acl)).toEqual([creatorAllAcl, []]);
  expect(harness.audited[0]?.client?.identities.map(({ scheme }) => scheme)).toEqual(["ip", "digest"]);
});

test("writes that fail are told of with their error", () => {
  client.call("create", { path: "/a", ...open, acl: readOnlyAcl });
  client.call("create", { path: "/a", ...open });
  client.call("setData", { path: "/a", data, version: -1 });
  client.call("delete", { path: "/nothing", version: -1 });
  expect(told().slice(1)).toEqual([
    `create /a failure ${ErrorCode.NodeExists}`,
    `setData /a failure ${ErrorCode.NoAuth}`,
    `delete /nothing failure ${ErrorCode.NoNode}`,
  ]);
});

test("each change of a multi stands on its own line, a mere check on none; of one that fails only what failed it", () => {
  const create = { type: OpCode.create, path: "/m", ...open } as const;
  client.call("multi", [
    create,
    { type: OpCode.check, path: "/m", version: 0 },
    { type: OpCode.delete, path: "/m", version: -1 },
  ]);
  client.call("multi", [
    create,
    { type: OpCode.check, path: "/m", version: 7 },
    { type: OpCode.delete, path: "/m", version: -1 },
  ]);
  expect(told()).toEqual([
    "create /m success 1/3",
    "delete /m success 3/3",
    `check /m failure ${ErrorCode.BadVersion} 2/3`,
  ]);
  expect(new Set(harness.audited.map(({ zxid }) => zxid)).size).toBe(2);
});

test("what was refused before it came to the log", () => {
  harness.input({ type: "diskSpace", isLow: true });
  client.call("create", { path: "/a", ...open });
  client.frames(client.encode("create", { path: "/b", ...open }).subarray(0, 12));
  const multi = Array.from({ length: 3 }, () => ({ type: OpCode.create, path: "/m", ...open }) as const);
  client.call("multi", multi);
  client.frames(client.encode("multi", multi).subarray(0, 12));
  expect(told()).toEqual([
    `create /a failure ${ErrorCode.SystemError}`,
    `create failure ${ErrorCode.MarshallingError}`,
    `multiOperation failure ${ErrorCode.SystemError}`,
    `multiOperation failure ${ErrorCode.MarshallingError}`,
  ]);
  expect(new Set(harness.audited.map(({ zxid }) => zxid))).toEqual(new Set([undefined]));
});

test("ephemeral nodes that go with their session: by the client's will, or by the server's when it has expired", () => {
  const ephemeral = { ...open, flags: CreateMode.ephemeral };
  client.call("create", { path: "/e", ...ephemeral });
  client.send("closeSession", {});
  const other = harness.connect(4_000);
  other.call("create", { path: "/f", ...ephemeral });
  harness.audited.length = 0;
  harness.pass(10_000);
  const [expired, ...more] = harness.audited;
  expect(more).toEqual([]);
  expect(expired).toMatchObject({ path: "/f", result: "success", client: undefined, sessionId: other.sessionId });
  begin();
  client.call("create", { path: "/e", ...ephemeral });
  client.send("closeSession", {});
  expect(told()[1]).toBe("ephemeralZNodeDeletionOnSessionCloseOrExpire /e success");
  expect(harness.audited[1]?.client?.host).toBe("127.0.0.1");
});

test("a node whose time is over is deleted by the server", () => {
  client.call("createTTL", { path: "/t", ...open, flags: CreateMode.persistentWithTtl, ttl: 1 });
  harness.pass(70_000);
  expect(told()[1]).toBe("delete /t success");
  expect(harness.audited[1]?.client).toBeUndefined();
});

test("who fails to be somebody", () => {
  client.send("auth", { type: 0, scheme: "digest", auth: Buffer.from("secret") }, -4);
  const thief = harness.dial();
  const owner = harness.connect();
  thief.handshake({ sessionId: owner.sessionId, passwd: Buffer.alloc(16) });
  expect(told()).toEqual([`auth failure ${ErrorCode.AuthFailed}`, `reattach failure ${ErrorCode.AuthFailed}`]);
  expect(harness.audited[1]).toMatchObject({ sessionId: owner.sessionId, reason: "wrong password" });
  expect(JSON.stringify(harness.audited[0]?.reason)).not.toContain("secret");
});

test("who asks without having authenticated where that is required", () => {
  begin({ requiredSchemes: ["sasl"] });
  client.send("getData", { path: "/", watch: false });
  expect(told()).toEqual([`getData failure ${ErrorCode.SessionClosedRequireSaslAuth}`]);
});

test("a write that was on its way when the log failed: nobody can tell", () => {
  begin({ log: "manual" });
  harness.durable();
  client.send("create", { path: "/a", ...open });
  client.send("multi", [
    { type: OpCode.create, path: "/m", ...open },
    { type: OpCode.check, path: "/m", version: 0 },
    { type: OpCode.delete, path: "/m", version: -1 },
  ]);
  harness.input({ type: "logFailed" });
  client = harness.dial();
  expect(told()).toEqual(["create /a invoked", "create /m invoked 1/3", "delete /m invoked 3/3"]);
});

/** A limit under which long names stand in the first so many bytes of an entry's lines. */
const perEntry = (bytes: number): HarnessOptions => ({ limits: { maxAuditBytes: 16 * bytes } });

/** The client has a name of so many characters. */
function rename(length: number): void {
  client.send("auth", { type: 0, scheme: "digest", auth: Buffer.from(`${"x".repeat(length)}:secret`) }, -4);
}

const change = { type: OpCode.setData, path: "/", data: null, version: -1 } as const;

test("of a multi with long names each change is told, and that the names are left out behind the first lines", () => {
  begin(perEntry(5_000));
  rename(2_000);
  client.call(
    "multi",
    Array.from({ length: 100 }, () => change),
  );
  client.call("setData", change);
  const [first, second, ...further] = harness.audited;
  const last = further.pop();
  expect(told().slice(-2)).toEqual(["setData / success 100/100", "setData / success"]);
  for (const whole of [second, last]) {
    expect([whole?.client, whole?.namesLeftOut]).toEqual([first?.client, undefined]);
  }
  expect(further).toHaveLength(98);
  for (const { client, sessionId, zxid, namesLeftOut } of further) {
    const nameless = { host: first?.client?.host, identities: [] };
    expect({ client, sessionId, zxid, namesLeftOut }).toEqual({
      client: nameless,
      sessionId: first?.sessionId,
      zxid: first?.zxid,
      namesLeftOut: true,
    });
  }
});

test("names that are short are left out nowhere", () => {
  begin(perEntry(1_000));
  rename(50);
  client.call(
    "multi",
    Array.from({ length: 100 }, () => change),
  );
  expect(harness.audited).toHaveLength(100);
  expect(new Set(harness.audited.map(({ client }) => client))).toHaveLength(1);
});

test.each([50, 2_000])(
  "the lines of a multi are at most 14 times as long as it is; names of %i characters",
  (length) => {
    begin(perEntry(5_000));
    rename(length);
    const path = `/${"\u061c".repeat(1_000)}`;
    client.call("create", { path, ...open });
    for (const part of [change, { ...change, path }]) {
      harness.audited.length = 0;
      const parts = Array.from({ length: 200 }, () => part);
      client.call("multi", parts);
      expect(harness.audited).toHaveLength(200);
      const lines = harness.audited.map((record) => auditLine(record, "corral")).join("");
      expect(Buffer.byteLength(lines)).toBeLessThan(5_000 + 14 * client.encode("multi", parts).length);
    }
  },
);

test("the same holds for the ephemeral nodes that go with a session, and for what the log has lost", () => {
  begin(perEntry(6_300));
  rename(6_000);
  for (const path of ["/a", "/b", "/c"]) client.call("create", { path, ...open, flags: CreateMode.ephemeral });
  client.send("closeSession", {});
  const gone = "ephemeralZNodeDeletionOnSessionCloseOrExpire";
  expect(told().slice(3)).toEqual([`${gone} /a success`, `${gone} /b success`, `${gone} /c success`]);
  expect(harness.audited.slice(3).map(({ client }) => client?.identities.length)).toEqual([2, 0, 0]);
  begin({ ...perEntry(6_300), log: "manual" });
  harness.durable();
  rename(6_000);
  const part = { type: OpCode.delete, path: "/a", version: -1 } as const;
  client.send("multi", [part, part, part]);
  harness.input({ type: "logFailed" });
  expect(told()).toEqual(["delete /a invoked 1/3", "delete /a invoked 2/3", "delete /a invoked 3/3"]);
  expect(harness.audited.map(({ client }) => client?.identities.length)).toEqual([2, 0, 0]);
});

test("of very many nodes that go with a session the last are counted", () => {
  begin(perEntry(200));
  const ephemeral = { ...open, flags: CreateMode.ephemeral };
  for (let i = 0; i < 10; i++) client.call("create", { path: `/${i}`, ...ephemeral });
  harness.audited.length = 0;
  client.send("closeSession", {});
  const counted = harness.audited.pop();
  const { length } = harness.audited;
  expect(length).toBeGreaterThan(1);
  expect(harness.audited.map(({ path }) => path)).toEqual(Array.from({ length }, (_, i) => `/${i}`));
  expect(counted).toMatchObject({
    operation: harness.audited[0]?.operation,
    sessionId: client.sessionId,
    zxid: harness.audited[0]?.zxid,
    count: 10 - length,
    reason: "so many more went with the session",
  });
});

test("a single line is told however long it is", () => {
  begin(perEntry(1_000));
  rename(5_000);
  client.call("create", { path: "/a", ...open });
  expect(told()).toEqual(["create /a success"]);
  expect(harness.audited[0]?.client?.identities).toHaveLength(2);
});
