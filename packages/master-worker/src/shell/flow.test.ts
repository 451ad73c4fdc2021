import type { Clock } from "@corral/io";
import { Subject } from "rxjs";
import { describe, expect, test, vi } from "vitest";
import { Backoff, coalesceMap, inFlight, onAbort, pause } from "./flow.ts";

const never = new AbortController().signal;

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** A clock whose only timer runs when the test says so. */
class HandClock implements Clock {
  delayMs: number | undefined;
  #callback: () => void = () => {};
  wallMs = (): number => 0;
  elapsedMs = (): number => 0;
  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    this.delayMs = delayMs;
    this.#callback = callback;
    return {
      cancel: () => {
        this.delayMs = undefined;
      },
    };
  }
  ring(): void {
    this.#callback();
  }
}

describe("inFlight", () => {
  test("never exceeds its limit, starts in order, and keeps the order of results", async () => {
    const started: number[] = [];
    const finish: (() => void)[] = [];
    const all = inFlight(2, [0, 1, 2, 3], async (item) => {
      started.push(item);
      await new Promise<void>((resolve) => finish.push(resolve));
      return item * 10;
    });
    await settle();
    expect(started).toEqual([0, 1]);
    finish[1]?.();
    await settle();
    expect(started).toEqual([0, 1, 2]);
    finish[0]?.();
    finish[2]?.();
    await settle();
    finish[3]?.();
    expect(await all).toEqual([0, 10, 20, 30]);
  });

  test("starts nothing after a failure, and throws it when what was under way has settled", async () => {
    const started: number[] = [];
    let settled = false;
    const all = inFlight(2, [0, 1, 2, 3], async (item) => {
      started.push(item);
      if (item === 0) throw new RangeError("no");
      await settle();
      settled = true;
    });
    await expect(all).rejects.toThrow(RangeError);
    expect(settled).toBe(true);
    expect(started).toEqual([0, 1]);
  });

  test("has no trouble with nothing to do", async () => {
    expect(await inFlight(3, [], async () => 1)).toEqual([]);
  });
});

describe("onAbort", () => {
  test("tells all who still want to know, in order, through one listener", () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, "addEventListener");
    const told: number[] = [];
    const ignore = [1, 2, 3].map((each) => onAbort(controller.signal, () => told.push(each)));
    ignore[1]?.();
    controller.abort();
    expect(told).toEqual([1, 3]);
    expect(added).toHaveBeenCalledTimes(1);
  });

  test("takes one callback twice, and each of them back by itself", () => {
    const controller = new AbortController();
    let calls = 0;
    const callback = (): void => void calls++;
    const ignoreFirst = onAbort(controller.signal, callback);
    onAbort(controller.signal, callback);
    ignoreFirst();
    ignoreFirst();
    controller.abort();
    expect(calls).toBe(1);
  });
});

describe("coalesceMap", () => {
  test("runs once for many hints that come while it runs, and never twice at once", async () => {
    const hints = new Subject<void>();
    let running = 0;
    let runs = 0;
    let finish = (): void => {};
    const results: number[] = [];
    const work = async (): Promise<number> => {
      expect(++running).toBe(1);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      running--;
      return ++runs;
    };
    const subscription = hints.pipe(coalesceMap(work)).subscribe((run) => results.push(run));
    hints.next();
    hints.next();
    hints.next();
    finish();
    await settle();
    expect(results).toEqual([1]);
    finish();
    await settle();
    expect(results).toEqual([1, 2]);
    hints.next();
    subscription.unsubscribe();
    hints.next();
    finish();
    await settle();
    expect(runs).toBe(3);
    expect(results).toEqual([1, 2]);
  });

  test("passes a failure on", async () => {
    const hints = new Subject<void>();
    const failed = new Promise((resolve) => {
      hints.pipe(coalesceMap(() => Promise.reject(new RangeError("no")))).subscribe({ error: resolve });
    });
    hints.next();
    expect(await failed).toBeInstanceOf(RangeError);
  });
});

describe("waiting", () => {
  test("ends with the timer or with the signal, whichever comes first", async () => {
    const clock = new HandClock();
    const waited = pause(clock, 100, never);
    expect(clock.delayMs).toBe(100);
    clock.ring();
    await waited;
    const controller = new AbortController();
    const cut = pause(clock, 100, controller.signal);
    controller.abort();
    await cut;
    expect(clock.delayMs).toBeUndefined();
  });

  test("backs off further each time, with jitter, up to 3 s, and from the beginning after a success", async () => {
    const clock = new HandClock();
    let fraction = 0;
    const backoff = new Backoff(clock, { bytes: () => new Uint8Array(), fraction: () => fraction });
    const nextDelayMs = async (): Promise<number | undefined> => {
      const waited = backoff.wait(never);
      const { delayMs } = clock;
      clock.ring();
      await waited;
      return delayMs;
    };
    expect(await nextDelayMs()).toBe(25);
    fraction = 1;
    expect(await nextDelayMs()).toBe(100);
    for (let i = 0; i < 10; i++) await nextDelayMs();
    expect(await nextDelayMs()).toBe(3_000);
    backoff.reset();
    expect(await nextDelayMs()).toBe(50);
  });
});
