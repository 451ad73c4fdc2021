/** What is durable waits for room in the audit log, and effects are performed in order. What the replica makes of inputs stands in replica.test.ts. */
import { silentLogger } from "@corral/io";
import { openAcl } from "@corral/protocol";
import { VirtualClock } from "@corral/testing";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../test-support/replica-harness.ts";
import { Driver } from "./driver.ts";
import { MemoryLog } from "./durable-log.ts";
import type { ClientPort } from "./net/client-port.ts";
import type { Effect, Input } from "./replica/effect.ts";
import type { Replica } from "./replica.ts";

let harness: ReplicaHarness;
let client: TestClient;
let log: MemoryLog;
let driver: Driver;
let clock: VirtualClock;
let held: (() => void)[];
/** The paths of the lines. */
let told: (string | undefined)[];

beforeEach(() => {
  harness = new ReplicaHarness({ isAudited: true });
  client = harness.connect();
  log = new MemoryLog();
  [held, told] = [[], []];
  const audit = {
    write: (record: { path?: string | undefined }) => void told.push(record.path),
    whenRoom: (callback: () => void) => void held.push(callback),
  };
  const { replica } = harness;
  const onFatal = (error: Error) => {
    throw error;
  };
  clock = new VirtualClock();
  driver = new Driver({ replica, log, clock, logger: silentLogger, audit, onStarted: () => undefined, onFatal });
});

function create(path: string): void {
  const frames = [client.encode("create", { path, data: null, acl: openAcl, flags: 0 })];
  driver.dispatch({ type: "frames", connection: client.id, frames, unsentBytes: 0 });
}

test("writes are applied when there is room for their lines, all that have become durable at once", () => {
  for (const path of ["/a", "/b", "/c"]) create(path);
  expect([held.length, told, harness.replica.outstanding]).toEqual([1, [], 3]);
  held.shift()?.();
  expect([told, harness.replica.outstanding]).toEqual([["/a", "/b", "/c"], 0]);
  create("/d");
  expect(held).toHaveLength(1);
});

test("each turn of writes that became durable together waits for room", () => {
  const path = (i: number) => `/${i}${"x".repeat(8_000)}`;
  // A sixteenth of what may wait, 16 MiB, and a half.
  for (let i = 0; i < 200; i++) create(path(i));
  held.shift()?.();
  expect([told.length > 100, told.length < 150, held]).toEqual([true, true, []]);
  clock.advance(0);
  expect([told.length < 150, held.length]).toEqual([true, 1]);
  held.shift()?.();
  expect([told.length, held, harness.replica.outstanding]).toEqual([200, [], 0]);
});

test("what is durable is applied before the failure of the log counts", () => {
  create("/a");
  log.onFailure(new Error("no disk"));
  expect(told).toEqual(["/a"]);
  expect(harness.replica.state.tree.get("/a")).toBeDefined();
  held.shift()?.();
  expect(told).toEqual(["/a"]);
});

test("what is durable is applied before an epoch that cannot be written ends the writes", async () => {
  create("/a");
  log.writeEpoch = () => Promise.reject(new Error("no disk"));
  driver.dispatch({ type: "raiseEpoch", epoch: 5 });
  await new Promise(setImmediate);
  expect([told, harness.replica.writesStopped]).toEqual([["/a"], true]);
  expect(harness.replica.state.tree.get("/a")).toBeDefined();
});

test("the end waits for no room", () => {
  create("/a");
  driver.end();
  expect(told).toEqual(["/a"]);
});

test("effects are performed in order, however many are sent to connections at once", () => {
  const connection = fc.nat(20);
  const send = fc.record({
    type: fc.constant("send" as const),
    connection,
    bytes: fc.nat().map((n) => Buffer.from(`${n}`)),
  });
  const other = fc.oneof(
    fc.record({
      type: fc.constant("close" as const),
      connection,
      isMutual: fc.constant(true),
      isAbrupt: fc.constant(false),
    }),
    fc.record({ type: fc.constant("pauseReading" as const), connection, paused: fc.boolean() }),
  );
  const few = fc.array(fc.oneof({ weight: 5, arbitrary: send }, other), { maxLength: 60, size: "max" });
  const runs = fc.array(fc.oneof(few, fc.array(send, { minLength: 90, maxLength: 120, size: "max" })), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(runs, (lists) => {
      const effects: Effect[] = lists.flat();
      const performed: unknown[] = [];
      const port = {
        send: (id: number, bytes: Buffer) => performed.push({ type: "send", connection: id, bytes }),
        sendAll: (sends: readonly Effect[]) => performed.push(...sends),
        close: (_id: number, effect: Effect) => performed.push(effect),
        pauseReading: (id: number, paused: boolean) => performed.push({ type: "pauseReading", connection: id, paused }),
      };
      const replica = { step: () => effects } as unknown as Replica;
      const onFatal = (error: Error) => {
        throw error;
      };
      const one = new Driver({ replica, log, clock, logger: silentLogger, onStarted: () => undefined, onFatal });
      one.connect(port as unknown as ClientPort);
      one.dispatch({ type: "tick" });
      expect(performed).toEqual(effects);
    }),
  );
});

test("the replica's pulse comes twice a second from when it serves until the server stops, where there is a disk for snapshots", () => {
  const pulses = (takesSnapshots: boolean, end: "stop" | "end") => {
    let count = 0;
    const step = ({ type }: Input): Effect[] => {
      if (type === "pulse") count++;
      return type === "start" ? [{ type: "serving" }] : [];
    };
    const replica = { step, takesSnapshots, writesStopped: false } as unknown as Replica;
    const one = new Driver({
      replica,
      log,
      clock,
      logger: silentLogger,
      onStarted: () => undefined,
      onFatal: () => undefined,
    });
    clock.advance(1_000);
    one.dispatch({ type: "start" });
    clock.advance(2_000);
    one[end]();
    clock.advance(2_000);
    return count;
  };
  expect([pulses(true, "stop"), pulses(true, "end"), pulses(false, "stop")]).toEqual([4, 4, 0]);
});
