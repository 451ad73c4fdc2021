/** Checks on a clock that stands still until it is moved. */
import { setImmediate as turn } from "node:timers/promises";
import { VirtualClock } from "@corral/testing";
import { expect, test } from "vitest";
import { HealthMonitor, type HealthOptions } from "./health-monitor.ts";

/** Lets what hangs on promises happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn();
}

function monitored(options: HealthOptions) {
  const clock = new VirtualClock();
  const changes: string[] = [];
  const monitor = new HealthMonitor(clock, options, ({ state, note }) =>
    changes.push(note === undefined ? state : `${state}: ${note}`),
  );
  const stop = new AbortController();
  const running = monitor.run(stop.signal);
  const pass = async (ms: number): Promise<void> => {
    await settle();
    clock.advance(ms);
    await settle();
  };
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
    expect(clock.pendingTimers).toBe(0);
  };
  return { clock, changes, monitor, pass, end };
}

test("is critical until the first check, which is made at once; then checks from time to time", async () => {
  let checks = 0;
  const check = () => ++checks;
  const { monitor, changes, pass, end } = monitored({ check, intervalMs: 1_000 });
  expect(monitor.health.state).toBe("critical");
  await pass(0);
  expect([checks, ...changes]).toEqual([1, "passing"]);
  await pass(999);
  expect(checks).toBe(1);
  await pass(1);
  expect([checks, ...changes]).toEqual([2, "passing"]);
  await end();
});

test("warns at the first failure and is critical at the third, with the reason", async () => {
  const check = () => Promise.reject(new Error("no database"));
  const { changes, pass, end } = monitored({ check, intervalMs: 10, initial: "passing" });
  for (let i = 0; i < 4; i++) await pass(10);
  expect(changes).toEqual(["warning: no database", "critical: no database"]);
  await end();
});

test("one that never was well says why, and only the first reason", async () => {
  let checks = 0;
  const { changes, pass, end } = monitored({
    check: () => Promise.reject(new Error(`no ${++checks}`)),
    intervalMs: 10,
  });
  for (let i = 0; i < 4; i++) await pass(10);
  expect([checks > 2, changes]).toEqual([true, ["critical: no 1"]]);
  await end();
});

test("a check that takes too long has failed, and is told so", async () => {
  let told = false;
  const check = (signal: AbortSignal) =>
    new Promise(() =>
      signal.addEventListener("abort", () => {
        told = true;
      }),
    );
  const { changes, pass, end } = monitored({ check, timeoutMs: 100, initial: "passing" });
  await pass(99);
  expect([told, changes]).toEqual([false, []]);
  await pass(1);
  expect([told, changes]).toEqual([true, ["warning: no answer within 100 ms"]]);
  await end();
});

test("a check may say the state, or just no", async () => {
  const answers: unknown[] = ["warning", false, "passing", "whatever"];
  const { changes, pass, end } = monitored({ check: () => answers.shift(), intervalMs: 10, failuresToWarn: 1 });
  for (let i = 0; i < 4; i++) await pass(10);
  expect(changes).toEqual(["warning", "passing"]);
  await end();
});

test("silence for longer than the time to live is critical; a report ends it", async () => {
  const { monitor, changes, pass, end } = monitored({ ttlMs: 100 });
  await pass(60);
  monitor.report("passing");
  await pass(99);
  expect(changes).toEqual([]);
  await pass(1);
  expect(changes).toEqual(["critical: nothing good heard for 100 ms"]);
  monitor.report("passing");
  expect(changes.at(-1)).toBe("passing");
  await end();
});

test("draining is not ended by checks", async () => {
  const { monitor, changes, pass, end } = monitored({ check: () => true, intervalMs: 10 });
  await pass(0);
  monitor.report("draining", "leaving");
  await pass(50);
  expect(changes).toEqual(["passing", "draining: leaving"]);
  await end();
});

test("numbers that make no sense are refused", () => {
  expect(() => monitored({ failuresToFail: 0 })).toThrow(RangeError);
});
