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
          clock.tick(now);
          alive = clock.expire(10).length === 0;
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
  expect(clock.tick(30_000)).toBe(29_500);
  const expiredAt = (now: number) => [clock.tick(now), clock.expire(10)];
  expect([30_500, 31_000, 31_500].map(expiredAt)).toEqual([
    [0, []],
    [0, []],
    [0, [1n]],
  ]);
});

test("a stopped session is not heard of again", () => {
  const clock = new SessionClock(tickMs);
  clock.tick(0);
  const session = clock.start(1n, 1_000, 0);
  clock.stop(1n);
  clock.touch(session, 100);
  for (let now = 500; now < 5_000; now += tickMs) {
    clock.tick(now);
    expect(clock.expire(10)).toEqual([]);
  }
});

test("those that are due expire in pieces, the longest due first, and who is heard of meanwhile does not", () => {
  const clock = new SessionClock(tickMs);
  clock.tick(0);
  const timeouts = [1_600, 1_100, 1_600, 1_100, 2_600, 600];
  const sessions = timeouts.map((timeoutMs, id) => clock.start(BigInt(id), timeoutMs, 0));
  for (let now = tickMs; now <= 2_000; now += tickMs) clock.tick(now);
  expect(clock.expire(2)).toEqual([5n, 1n]);
  clock.touch(sessions[3]!, 2_000);
  expect([clock.expire(1), clock.expire(2), clock.expire(2)]).toEqual([[0n], [2n], []]);
});
