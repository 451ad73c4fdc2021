import { describe, expect, it } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

describe("VirtualClock", () => {
  it("runs timers in the order in which they are due, each at its own time, also those that timers set", () => {
    const clock = new VirtualClock(1_000);
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${clock.elapsedMs()}`);
    clock.setTimer(30, note("c"));
    clock.setTimer(10, () => {
      note("a")();
      clock.setTimer(5, note("a2"));
      clock.setTimer(100, note("late"));
    });
    clock.setTimer(30, note("d"));
    clock.setTimer(20, note("b")).cancel();
    expect(clock.untilNextTimerMs).toBe(10);
    clock.advance(30);
    expect(seen).toEqual(["a@10", "a2@15", "c@30", "d@30"]);
    expect([clock.elapsedMs(), clock.wallMs(), clock.pendingTimers]).toEqual([30, 1_030, 1]);
  });

  it("stalls without running anything, and catches up afterwards", () => {
    const clock = new VirtualClock();
    const at: number[] = [];
    clock.setTimer(10, () => at.push(clock.elapsedMs()));
    clock.stall(500);
    expect(at).toEqual([]);
    clock.advance(0);
    expect(at).toEqual([500]);
  });

  it("lets the wall clock jump without touching elapsed time", () => {
    const clock = new VirtualClock(5_000);
    clock.jumpWall(-4_000);
    expect([clock.wallMs(), clock.elapsedMs()]).toEqual([1_000, 0]);
  });
});
