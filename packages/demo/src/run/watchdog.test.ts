import { BehaviorSubject } from "rxjs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { emptyView } from "../tree/group-view.ts";
import { DemoError } from "./demo-error.ts";
import { watchForStall } from "./watchdog.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("gives a run up when nothing has moved for a minute and three tasks' time", () => {
  const views = new BehaviorSubject(emptyView);
  const end = new AbortController();
  using _watchdog = watchForStall(views, 2_000, end);
  vi.advanceTimersByTime(60_000);
  views.next(emptyView);
  vi.advanceTimersByTime(65_000);
  expect(end.signal.aborted).toBe(false);
  vi.advanceTimersByTime(2_000);
  expect(end.signal.reason).toBeInstanceOf(DemoError);
  expect(String(end.signal.reason)).toMatch(/Nothing has moved for 66 s/);
});

it("does not count the time for which the demo itself was stopped", () => {
  const end = new AbortController();
  using _watchdog = watchForStall(new BehaviorSubject(emptyView), 0, end);
  // After a stop all timers that are due fire at once, each of them once.
  for (let stops = 0; stops < 20; stops += 1) {
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersToNextTimer();
  }
  expect(end.signal.aborted).toBe(false);
});

it("ends with its block", () => {
  const end = new AbortController();
  {
    using _watchdog = watchForStall(new BehaviorSubject(emptyView), 0, end);
  }
  vi.advanceTimersByTime(3_600_000);
  expect(end.signal.aborted).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});
