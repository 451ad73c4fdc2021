import { CreateMode, DecodeError, ErrorCode } from "@corral/protocol";
import { encode } from "@msgpack/msgpack";
import { beforeEach, describe, expect, test } from "vitest";
import { StateDriver } from "../../test-support/state-driver.ts";
import { decodeEntry, encodeEntry } from "./entry-codec.ts";
import { restorePart } from "./operation.ts";
import { snapshotChunks } from "./snapshot.ts";

let source: StateDriver;
let target: StateDriver;
let chunks: Uint8Array[];

beforeEach(() => {
  source = new StateDriver();
  source.session(1n);
  source.create("/kept");
  source.create("/kept/ephemeral", CreateMode.ephemeral);
  source.create("/ttl", CreateMode.persistentWithTtl);
  chunks = [...snapshotChunks(source.state)];
  target = new StateDriver();
  target.session(7n);
  target.create("/old", CreateMode.persistent, null, 7n);
});

function take(number: number, isLast: boolean, chunk: Uint8Array = chunks[number] ?? new Uint8Array(0)) {
  return target.apply({ type: restorePart, request: { number, isLast, chunk } }, 0n);
}
const paths = (d: StateDriver) => ["/old", "/kept", "/kept/ephemeral"].filter((path) => d.state.tree.get(path));

describe("a snapshot that comes through the log", () => {
  test("replaces tree and sessions with its last piece, and not before", () => {
    expect(chunks.length).toBe(3);
    expect(take(0, false)).toEqual({ type: "restorePartTaken", isRestored: false });
    expect(take(1, false)).toEqual({ type: "restorePartTaken", isRestored: false });
    expect([target.state.isRestoring, paths(target)]).toEqual([true, ["/old"]]);
    target.create("/old/meanwhile", CreateMode.persistent, null, 7n);
    expect(take(2, true)).toEqual({ type: "restorePartTaken", isRestored: true });
    expect([target.state.isRestoring, paths(target), target.state.sessions.size]).toEqual([false, ["/kept"], 0]);
    expect(target.state.tree.ephemeralCount).toBe(0);
    expect(target.create("/later", CreateMode.persistent, null, 7n)).toEqual({
      type: "error",
      code: ErrorCode.SessionExpired,
    });
  });

  test("leaves numbers as they were: zxids, versions, the counter of sequential nodes", () => {
    const before = source.state.tree.get("/kept")?.stat();
    take(0, false);
    take(1, false);
    take(2, true);
    const after = target.state.tree.get("/kept")?.stat();
    // The ephemeral child went at the zxid of the restore.
    expect(after).toEqual({ ...before, numChildren: 0, cversion: 2, pzxid: target.state.lastZxid });
    target.session(9n);
    expect(target.create("/kept/n-", CreateMode.persistentSequential, null, 9n)).toMatchObject({
      path: "/kept/n-0000000001",
    });
  });

  test("is given up, begun anew, or refused when a piece is missing; the state stays as it was", () => {
    take(0, false);
    expect(take(-1, true, new Uint8Array(0))).toEqual({ type: "restorePartTaken", isRestored: false });
    expect(target.state.isRestoring).toBe(false);
    expect(take(1, true)).toMatchObject({ type: "error" });
    take(0, false);
    expect(take(2, true)).toMatchObject({ type: "error" });
    expect([target.state.isRestoring, paths(target)]).toEqual([false, ["/old"]]);
    take(0, false);
    take(0, false);
    take(1, false);
    expect(take(2, true)).toEqual({ type: "restorePartTaken", isRestored: true });
  });

  test("gives every server that applies the same entries the same state", () => {
    const twin = new StateDriver();
    for (const [number, chunk] of chunks.entries()) {
      const isLast = number === chunks.length - 1;
      const entry = {
        ...twin.entry({ type: restorePart, request: { number, isLast, chunk } }, 0n),
        zxid: 100 + number,
      };
      twin.state.apply(decodeEntry(encodeEntry(entry)));
    }
    expect(paths(twin)).toEqual(["/kept"]);
  });

  test("is forgotten when a piece of it is none, or the pieces are no state that a server has", () => {
    const header = encode([2, 5, 0]);
    const row = (path: string, owner: bigint | null) => [
      path,
      null,
      [[31, "world", "anyone"]],
      owner,
      ...Array(8).fill(1),
    ];
    const paths = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/e/child"];
    const nodes = [...paths.map((path) => row(path, null)), row("/e", 7n)];
    for (const last of [encode(nodes, { useBigInt64: true }), Buffer.from([0x91])]) {
      take(0, false, header);
      expect(() => take(1, true, last)).toThrow(DecodeError);
      expect([target.state.isRestoring, target.state.tree.get("/old")?.version]).toEqual([false, 0]);
    }
  });
});
