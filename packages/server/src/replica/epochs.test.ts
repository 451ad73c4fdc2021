/** Where epochs come to their end: a life's entries, and the lives themselves. */
import { ErrorCode, makeZxid, openAcl, zxidEpoch } from "@corral/protocol";
import { expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";
import { subjectOf } from "../../test-support/subject.ts";
import { healthOf } from "../admin/health.ts";
import { lastEpoch, reservedEpochs } from "../storage/epochs.ts";

function create(client: TestClient, path: string): number {
  const reply = client.call("create", { path, data: null, acl: openAcl, flags: 0 });
  return typeof reply === "number" ? reply : ErrorCode.Ok;
}

const exists = (client: TestClient, path: string) => typeof client.call("exists", { path, watch: false }) !== "number";

test("an epoch that is half used up is followed by the next", () => {
  const harness = new ReplicaHarness({ entriesPerEpoch: 3 });
  const client = harness.connect();
  for (const path of ["/a", "/b", "/c"]) expect(create(client, path)).toBe(ErrorCode.Ok);
  expect(harness.replica.epoch).toBe(2);
  expect(harness.replica.state.lastZxid).toBe(makeZxid(2, 1));
});

test("while the disk is nearly full the next epoch is not begun: there is time, and a failure would end all writes", () => {
  const harness = new ReplicaHarness({ entriesPerEpoch: 3 });
  for (const path of ["/a", "/b"]) create(harness.connect(), path);
  harness.input({ type: "raiseEpoch", epoch: 5 });
  harness.input({ type: "diskSpace", isLow: true });
  for (let n = 0; n < 4; n++) harness.connect();
  expect(harness.replica.epoch).toBe(5);
  harness.input({ type: "diskSpace", isLow: false });
  create(harness.connect(), "/c");
  expect(harness.replica.epoch).toBe(6);
});

test("the last epoch takes writes until half of it is used up, and is followed by none", () => {
  const harness = new ReplicaHarness({ lastEpoch: lastEpoch - 1, entriesPerEpoch: 3 });
  const client = harness.connect();
  expect(harness.logs.map(({ level, message }) => `${level} ${message}`)).toContainEqual(
    expect.stringMatching(/^warn 0 of 2097151 epochs are left/),
  );
  expect(create(client, "/a")).toBe(ErrorCode.Ok);
  expect(create(client, "/b")).toBe(ErrorCode.Ok);
  expect(harness.replica.epochsAreSpent).toBe(true);
  expect(create(client, "/c")).toBe(ErrorCode.SystemError);
  expect(harness.replica.epoch).toBe(lastEpoch);
  // The other half is for sessions.
  expect(exists(harness.connect(), "/b")).toBe(true);
  expect(harness.replica.state.lastZxid).toBe(makeZxid(lastEpoch, 4));
});

test("a life for which there is no epoch takes no writes, but whoever copies the tree", () => {
  const before = new ReplicaHarness({ lastEpoch: lastEpoch - 1 });
  create(before.connect(), "/a");
  const { state } = before.replica;
  const { lastZxid } = state;
  // Versions that did not know the last epoch wrote down later ones, and nothing in them.
  for (const [life, highest] of [lastEpoch, lastEpoch + 3].entries()) {
    const harness = new ReplicaHarness({ lastEpoch: highest, state });
    expect(harness.replica.serving).toBe(true);
    expect(harness.replica.epoch).toBe(lastEpoch);
    expect(harness.logs).toContainEqual(
      expect.objectContaining({ level: "error", message: expect.stringContaining("corral dump") }),
    );
    const client = harness.connect();
    expect(create(client, "/b")).toBe(ErrorCode.SystemError);
    expect(exists(client, "/a")).toBe(true);
    client.send("closeSession", {});
    expect(client.closed).toBe(true);
    expect(state.lastZxid).toBe(lastZxid + 2 * (life + 1));
    expect(zxidEpoch(state.lastZxid)).toBe(lastEpoch);
  }
});

test("health warns while epochs are few, and is not ready when there is none", () => {
  const health = (highest: number) => healthOf("serving", subjectOf(new ReplicaHarness({ lastEpoch: highest })));
  expect(health(lastEpoch - reservedEpochs - 1).warnings).toEqual([]);
  expect(health(lastEpoch - reservedEpochs)).toMatchObject({
    ready: true,
    warnings: [expect.stringContaining("99999 of 2097151 epochs are left")],
  });
  const reasons = [expect.stringContaining("writes are refused: copy the tree")];
  expect(health(lastEpoch)).toMatchObject({ live: true, ready: false, reasons, warnings: [] });
});
