import fc from "fast-check";
import { expect, test } from "vitest";
import { SessionClock } from "./session-clock.ts";

const tickMs = 500;

test("a session expires within one tick after its timeout, never before, whenever it was last heard of", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 20, size: "max" }),
      (timeoutMs, gaps) => {
        const clock = new SessionClock(tickMs);
        let now = 0;
        clock.tick(now);
        const session = clock.start(1n, timeoutMs, now);
        let heardMs = now;
        let nextTouch = 0;
        const touches: number[] = [];
        for (const gap of gaps) touches.push((touches.at(-1) ?? 0) + gap);
        for (;;) {
          now += tickMs;
          let alive = true;
          for (let at = touches[nextTouch]; at !== undefined && at <= now && alive; at = touches[++nextTouch]) {
            // Between ticks a session that is due is still there, and may be heard of.
            clock.touch(session, at);
            heardMs = at;
          }
          const { expired } = clock.tick(now);
          alive = expired.length === 0;
          if (alive) {
            expect(now - heardMs).toBeLessThanOrEqual(timeoutMs + tickMs);
            continue;
          }
          expect(now - heardMs).toBeGreaterThan(timeoutMs);
          return;
        }
      },
    ),
  );
});

test("a late tick starts every clock afresh instead of expiring those it could not hear", () => {
  const clock = new SessionClock(tickMs);
  clock.tick(0);
  clock.start(1n, 1_000, 0);
  expect(clock.tick(30_000)).toEqual({ expired: [], stalledMs: 29_500 });
  expect(clock.tick(30_500).expired).toEqual([]);
  expect(clock.tick(31_000).expired).toEqual([]);
  expect(clock.tick(31_500).expired).toEqual([1n]);
});

test("a stopped session is not heard of again", () => {
  const clock = new SessionClock(tickMs);
  clock.tick(0);
  const session = clock.start(1n, 1_000, 0);
  clock.stop(1n);
  clock.touch(session, 100);
  for (let now = 500; now < 5_000; now += tickMs) expect(clock.tick(now).expired).toEqual([]);
});
