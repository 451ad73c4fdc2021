import { describe, expect, it } from "vitest";
import { elapsedFrom, nodeClock } from "./clock.ts";

describe("elapsed time", () => {
  const machine = { monotonic: 1_000, boot: 90_000, wall: 1_700_000_000_000, bootAsked: 0 };
  const readings = {
    monotonicMs: () => machine.monotonic,
    bootMs: () => {
      machine.bootAsked++;
      return Math.floor(machine.boot / 10) * 10;
    },
    wallMs: () => Math.floor(machine.wall),
  };
  const pass = (ms: number) => {
    machine.monotonic += ms;
    machine.boot += ms;
    machine.wall += ms;
  };

  it("is as fine as the monotonic clock while the two agree", () => {
    const elapsedMs = elapsedFrom(readings, 50);
    const start = elapsedMs();
    for (const step of [0.25, 3.5, 17.125, 1_000]) {
      const before = elapsedMs();
      pass(step);
      expect(elapsedMs() - before).toBeCloseTo(step, 6);
    }
    expect(elapsedMs() - start).toBeCloseTo(1_020.875, 6);
  });

  it("counts the time for which the machine was suspended, once", () => {
    const elapsedMs = elapsedFrom(readings, 50);
    const start = elapsedMs();
    machine.boot += 3_600_000;
    machine.wall += 3_600_000;
    pass(0.01);
    const after = elapsedMs() - start;
    expect(after).toBeGreaterThanOrEqual(3_599_990);
    expect(after).toBeLessThan(3_600_020);
    pass(100);
    expect(elapsedMs() - start - after).toBeCloseTo(100, 6);
  });

  it("finds a suspension also when the time of day was set back meanwhile, a little later", () => {
    const elapsedMs = elapsedFrom(readings, 50);
    const start = elapsedMs();
    machine.boot += 60_000;
    pass(100);
    expect(elapsedMs() - start).toBeGreaterThan(60_000);
  });

  it("takes no time of day that was set for elapsed time", () => {
    const elapsedMs = elapsedFrom(readings, 50);
    const start = elapsedMs();
    for (const set of [86_400_000, -86_400_000, 5]) {
      machine.wall += set;
      pass(10);
      elapsedMs();
    }
    expect(elapsedMs() - start).toBeCloseTo(30, 6);
  });

  it("asks the boot clock seldom while nothing happens", () => {
    const elapsedMs = elapsedFrom(readings, 50);
    elapsedMs();
    const asked = machine.bootAsked;
    for (let i = 0; i < 1_000; i++) {
      pass(0.7);
      elapsedMs();
    }
    expect(machine.bootAsked - asked).toBeLessThanOrEqual(7);
  });

  it("never goes back, even if the boot clock does", () => {
    const elapsedMs = elapsedFrom(readings, 50);
    let latest = elapsedMs();
    for (const [monotonic, boot] of [
      [5, -10_000],
      [0, 20_000],
      [2, -30_000],
      [1, 1],
    ] as const) {
      machine.monotonic += monotonic;
      machine.boot += boot;
      const now = elapsedMs();
      expect(now).toBeGreaterThanOrEqual(latest);
      latest = now;
    }
  });
});

describe("nodeClock", () => {
  it("calls every timer once, no sooner than asked", async () => {
    const start = nodeClock.elapsedMs();
    const fired: number[] = [];
    await new Promise<void>((resolve) => {
      for (const delay of [12, 3, 7]) {
        nodeClock.setTimer(delay, () => {
          expect(nodeClock.elapsedMs() - start).toBeGreaterThanOrEqual(delay);
          fired.push(delay);
          if (fired.length === 3) resolve();
        });
      }
    });
    // In which order is nobody's promise: on a busy machine Node calls timers of different delays as it comes to them.
    expect(fired.toSorted((a, b) => a - b)).toEqual([3, 7, 12]);
  });

  it("does not take a delay beyond Node's limit for none, and cancels", async () => {
    let fired = false;
    const far = nodeClock.setTimer(2 ** 31 + 5, () => {
      fired = true;
    });
    const cancelled = nodeClock.setTimer(0, () => {
      fired = true;
    });
    cancelled.cancel();
    cancelled.cancel();
    await new Promise<void>((resolve) => nodeClock.setTimer(5, resolve));
    far.cancel();
    expect(fired).toBe(false);
  });

  it("refuses a delay that is not a number", () => {
    expect(() => nodeClock.setTimer(Number.NaN, () => {})).toThrow(RangeError);
  });
});
