import { expect, test } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";
import { subjectOf } from "../../test-support/subject.ts";
import { defaultLimits } from "../limits.ts";
import { limitsUsed } from "./limits-used.ts";
import { metrics } from "./metrics.ts";

/** They bound a single thing, a turn or a time: there is nothing to be used up. */
const neverPartlyUsed = [
  "maxPathLength",
  "maxAclEntries",
  "maxFrameBytes",
  "maxResponseBytes",
  "maxRestoreBytes",
  "minFreeDiskBytes",
  "largeRequestBytes",
  "handshakeMs",
  "stuckOutputMs",
  "connectionRefillMs",
  "connectionRefillCount",
  "maxTurnRequests",
  "maxTurnBytes",
];

test("every limit is shown, and of each that fills up how much is used", async () => {
  const subject = subjectOf(new ReplicaHarness());
  const shown = metrics.find(({ name }) => name === "corral_limit");
  const read = shown?.kind === "gauge" ? await shown.read(subject) : [];
  expect(Object.fromEntries(typeof read === "number" ? [] : read)).toEqual(defaultLimits);
  const used = limitsUsed(subject);
  expect([...used.map(([name]) => name as string), ...neverPartlyUsed].sort()).toEqual(
    Object.keys(defaultLimits).sort(),
  );
  for (const [name, value] of used) expect(value, name).toBeGreaterThanOrEqual(0);
});

test("what all connections hold together is told by the sum", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const clients = [h.connect(), h.connect()];
  h.durable();
  for (const client of clients) {
    client.send("sync", { path: "/" });
    client.send("setData", { path: "/", data: Buffer.alloc(1_000), version: -1 });
    h.input({ type: "frames", connection: client.id, frames: [], unsentBytes: 61 });
  }
  const used = new Map(limitsUsed(subjectOf(h)));
  expect(used.get("maxPendingBytes")).toBeGreaterThan(2_000);
  expect(used.get("maxUnsentBytes")).toBe(2 * 61);
  expect(used.get("maxProposedEntries")).toBe(2);
  expect(used.get("maxLargeRequestBytes")).toBe(500);
  expect(used.get("connectionBurst")).toBe(6);
});
