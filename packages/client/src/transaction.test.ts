import { ErrorCode, type MultiOperation, type MultiResult, OpCode } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { plainStat } from "../test-helpers/scripted-server.ts";
import { Chroot } from "./chroot.ts";
import { GrantLostError, isGrantLostError } from "./grant-errors.ts";
import { Transaction } from "./transaction.ts";

function transaction(results: readonly MultiResult[], prefix = "") {
  const sent: MultiOperation[] = [];
  const host = {
    chroot: new Chroot(prefix),
    multi: async (operations: readonly MultiOperation[]) => {
      sent.push(...operations);
      return results;
    },
  };
  return { sent, transaction: new Transaction<[]>(host) };
}

const failed = (err: number): MultiResult => ({ type: OpCode.error, err });

test("operations go out in order, with the chroot; results come back typed, without it", async () => {
  const { sent, transaction: t } = transaction(
    [
      { type: OpCode.check },
      { type: OpCode.create, path: "/app/a" },
      { type: OpCode.create2, path: "/app/q-0000000001", stat: plainStat },
      { type: OpCode.create2, path: "/app/c", stat: plainStat },
      { type: OpCode.create2, path: "/app/t", stat: plainStat },
      { type: OpCode.setData, stat: plainStat },
      { type: OpCode.delete },
    ],
    "/app",
  );
  const results = await t
    .check("/", { version: 4 })
    .create("/a", "x")
    .create("/q-", null, { mode: "ephemeralSequential" })
    .create("/c", null, { mode: "container" })
    .create("/t", null, { mode: "persistentWithTtl", ttlMs: 9 })
    .set("/a", new Uint8Array([1]), { version: 0 })
    .delete("/a")
    .commit();
  expect(sent).toMatchObject([
    { type: OpCode.check, path: "/app", version: 4 },
    { type: OpCode.create, path: "/app/a", data: Buffer.from("x"), flags: 0 },
    { type: OpCode.create, path: "/app/q-", flags: 3 },
    { type: OpCode.createContainer, path: "/app/c", flags: 4 },
    { type: OpCode.createTTL, path: "/app/t", flags: 5, ttl: 9 },
    { type: OpCode.setData, path: "/app/a", version: 0 },
    { type: OpCode.delete, path: "/app/a", version: -1 },
  ]);
  expect(results.map(({ type }) => type)).toEqual(["check", "create", "create", "create", "create", "set", "delete"]);
  expect(results[1]).toEqual({ type: "create", path: "/a" });
  expect(results[2]).toEqual({ type: "create", path: "/q-0000000001" });
  expect(results[5]).toMatchObject({ stat: { czxid: 1n } });
});

test("the operation that failed is found among those before and behind it", async () => {
  const { transaction: t } = transaction([
    failed(ErrorCode.Ok),
    failed(ErrorCode.BadVersion),
    failed(ErrorCode.RuntimeInconsistency),
  ]);
  await expect(t.create("/a").set("/b", "x", { version: 2 }).delete("/c").commit()).rejects.toMatchObject({
    name: "TransactionError",
    index: 1,
    operation: "set",
    path: "/b",
    code: "BadVersion",
    cause: { name: "BadVersionError" },
  });
});

test("error results without an error are a failure all the same", async () => {
  const { transaction: t } = transaction([failed(ErrorCode.Ok)]);
  await expect(t.create("/a").commit()).rejects.toMatchObject({ index: 0 });
});

test("results that do not match are refused", async () => {
  for (const results of [[], [{ type: OpCode.delete }], [{ type: OpCode.check }, { type: OpCode.check }]] as const) {
    const { transaction: t } = transaction(results);
    await expect(t.check("/a").commit()).rejects.toMatchObject({ code: "MarshallingError" });
  }
});

test("nothing to do is done", async () => {
  const { transaction: t, sent } = transaction([]);
  expect(await t.commit()).toEqual([]);
  expect(sent).toEqual([]);
});

test("what is wrong is found at commit, before anything is sent", async () => {
  const { transaction: t, sent } = transaction([]);
  await expect(t.check("/ok").set("bad", "x").commit()).rejects.toMatchObject({ code: "BadArguments", path: "bad" });
  expect(sent).toEqual([]);
});

describe("guarded by a grant", () => {
  const grantAt = (path: string, throwIfLost?: () => void) => ({
    guard: () => ({ path, version: -1 }),
    ...(throwIfLost === undefined ? {} : { throwIfLost }),
  });

  test("the guard goes out as a check of its node", async () => {
    const { sent, transaction: t } = transaction(
      [{ type: OpCode.check }, { type: OpCode.setData, stat: plainStat }],
      "/app",
    );
    const [guarded, set] = await t.guard(grantAt("/lock/_c_1-lock-0000000003")).set("/ledger", "x").commit();
    expect(sent[0]).toEqual({ type: OpCode.check, path: "/app/lock/_c_1-lock-0000000003", version: -1 });
    expect([guarded.type, set.type]).toEqual(["check", "set"]);
  });

  test("a grant known to be lost is not even asked about", async () => {
    const { sent, transaction: t } = transaction([]);
    const lost = new GrantLostError("/lock/1", "session lost");
    const grant = grantAt("/lock/1", () => {
      throw lost;
    });
    await expect(t.guard(grant).set("/a", "x").commit()).rejects.toBe(lost);
    expect(sent).toEqual([]);
  });

  test("a failed guard is a lost grant, with the transaction's error as its cause", async () => {
    for (const err of [ErrorCode.NoNode, ErrorCode.BadVersion]) {
      const { transaction: t } = transaction([failed(err), failed(ErrorCode.RuntimeInconsistency)]);
      const error: unknown = await t
        .guard(grantAt("/lock/1"))
        .set("/a", "x")
        .commit()
        .catch((e: unknown) => e);
      expect(isGrantLostError(error)).toBe(true);
      expect(error).toMatchObject({
        name: "GrantLostError",
        code: "GrantLost",
        path: "/lock/1",
        reason: "node deleted",
      });
      expect(error).toMatchObject({ cause: { name: "TransactionError", index: 0, operation: "check" } });
    }
  });

  test("another operation's failure, and a guard that may not be read, stay what they are", async () => {
    const { transaction: other } = transaction([failed(ErrorCode.Ok), failed(ErrorCode.NoNode)]);
    await expect(other.guard(grantAt("/lock/1")).delete("/a").commit()).rejects.toMatchObject({
      name: "TransactionError",
      path: "/a",
    });
    const { transaction: unread } = transaction([failed(ErrorCode.NoAuth)]);
    await expect(unread.guard(grantAt("/lock/1")).commit()).rejects.toMatchObject({ code: "NoAuth" });
  });
});
