import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type HealthEvent, type HealthPolicy, initialHealth, nextHealth } from "./health.ts";
import { type HealthState, healthStates } from "./instance.ts";

const policy: HealthPolicy = { failuresToWarn: 2, failuresToFail: 4, successesToPass: 2, ttlMs: 1_000 };
const failure: HealthEvent = { kind: "failure", note: "no" };
const success: HealthEvent = { kind: "success" };
const report = (state: HealthState): HealthEvent => ({ kind: "report", state, note: undefined });
const says = (state: HealthState): HealthEvent => ({ kind: "state", state, note: undefined });

/** The state after each event, all at time 0. */
function states(start: HealthState, events: readonly HealthEvent[]): HealthState[] {
  let health = initialHealth(start, 0);
  return events.map((event) => {
    health = nextHealth(health, event, policy, 0);
    return health.state;
  });
}

describe("in a row", () => {
  test.each<[string, HealthState, HealthEvent[], HealthState[]]>([
    [
      "two failures warn, four are critical",
      "passing",
      [failure, failure, failure, failure],
      ["passing", "warning", "warning", "critical"],
    ],
    [
      "a success in between begins the count anew",
      "passing",
      [failure, success, failure],
      ["passing", "passing", "passing"],
    ],
    ["two successes make it well again", "critical", [success, success], ["critical", "passing"]],
    [
      "a failure in between begins that count anew",
      "critical",
      [success, failure, success, success],
      ["critical", "critical", "critical", "passing"],
    ],
    ["a warning passes by successes too", "warning", [success, success], ["warning", "passing"]],
    [
      "what a check says counts at once",
      "passing",
      [says("critical"), says("warning"), says("passing")],
      ["critical", "warning", "passing"],
    ],
    [
      "draining stays whatever checks say",
      "passing",
      [report("draining"), failure, success, success, says("passing")],
      Array(5).fill("draining"),
    ],
    [
      "until the owner says otherwise",
      "draining",
      [report("warning"), success, success],
      ["warning", "warning", "passing"],
    ],
  ])("%s", (_, start, events, expected) => expect(states(start, events)).toEqual(expected));
});

describe("silence", () => {
  test("is critical after the time to live, and only then", () => {
    const health = initialHealth("passing", 0);
    expect(nextHealth(health, { kind: "time" }, policy, 999).state).toBe("passing");
    expect(nextHealth(health, { kind: "time" }, policy, 1_000)).toMatchObject({
      state: "critical",
      note: "nothing good heard for 1000 ms",
    });
    expect(nextHealth(health, { kind: "time" }, { ...policy, ttlMs: undefined }, 1e9)).toBe(health);
  });

  test("is broken by successes and by good reports, not by failures", () => {
    const heard = (event: HealthEvent) => nextHealth(initialHealth("passing", 0), event, policy, 600);
    expect(nextHealth(heard(success), { kind: "time" }, policy, 1_200).state).toBe("passing");
    expect(nextHealth(heard(report("warning")), { kind: "time" }, policy, 1_200).state).toBe("warning");
    expect(nextHealth(heard(failure), { kind: "time" }, policy, 1_200).state).toBe("critical");
  });

  test("does not end draining", () => {
    expect(nextHealth(initialHealth("draining", 0), { kind: "time" }, policy, 1e9).state).toBe("draining");
  });
});

test("it is critical after no fewer failures than asked for, well after no fewer successes", () => {
  const event = fc.constantFrom(failure, success);
  fc.assert(
    fc.property(fc.constantFrom(...healthStates), fc.array(event), (start, events) => {
      let health = initialHealth(start, 0);
      let inARow = 0;
      let last: HealthEvent | undefined;
      for (const one of events) {
        const before = health.state;
        inARow = one === last ? inARow + 1 : 1;
        last = one;
        health = nextHealth(health, one, policy, 0);
        if (health.state === before) continue;
        if (health.state === "critical") expect([one, inARow >= 4]).toEqual([failure, true]);
        else if (health.state === "warning") expect([one, inARow >= 2]).toEqual([failure, true]);
        else expect([health.state, one, inARow >= 2]).toEqual(["passing", success, true]);
      }
    }),
  );
});
