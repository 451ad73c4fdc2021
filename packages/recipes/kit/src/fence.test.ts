import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fence, fenced, isStaleTokenError, StaleTokenError } from "./fence.ts";

/** A disk that keeps what was stored. */
function fenceOn(disk: { token?: bigint }, fails: () => boolean = () => false): Fence {
  return new Fence({
    highest: disk.token,
    store: async (token) => {
      await turn();
      if (fails()) throw new Error("the disk is full");
      disk.token = token;
    },
  });
}

describe("a fence", () => {
  test("lets the same holder through again and again, and a later one, but not the former one", async () => {
    const fence = fenceOn({});
    expect(fence.highest).toBeUndefined();
    expect(await fence.pass(5n, () => "first")).toBe("first");
    expect(await fence.pass(5n, async () => "again")).toBe("again");
    expect(await fence.pass(9n, () => "later")).toBe("later");
    let calls = 0;
    const stale = fence.pass(5n, () => calls++);
    await expect(stale).rejects.toSatisfy(isStaleTokenError);
    await expect(stale).rejects.toMatchObject({ name: "StaleTokenError", token: 5n, highest: 9n });
    expect(calls).toBe(0);
    expect(fence.highest).toBe(9n);
  });

  test("takes the first that comes, and tokens below zero are numbers too", async () => {
    const fence = fenceOn({});
    await fence.pass(-3n, () => undefined);
    await expect(fence.pass(-4n, () => undefined)).rejects.toSatisfy(isStaleTokenError);
    await fence.pass(0n, () => undefined);
  });

  test("stores a token before anything is done under it, and once", async () => {
    const disk: { token?: bigint } = {};
    const fence = fenceOn(disk);
    const seen: (bigint | undefined)[] = [];
    for (const token of [3n, 3n, 8n]) await fence.pass(token, () => seen.push(disk.token));
    expect(seen).toEqual([3n, 3n, 8n]);
    let stores = 0;
    const counting = new Fence({ highest: 3n, store: async () => void stores++ });
    for (const token of [3n, 3n, 8n, 8n]) await counting.pass(token, () => undefined);
    expect(stores).toBe(1);
  });

  test("remembers over a restart, also of what failed or was cut off under the token", async () => {
    const disk: { token?: bigint } = {};
    await expect(fenceOn(disk).pass(7n, () => Promise.reject(new Error("torn")))).rejects.toThrow("torn");
    const restarted = fenceOn(disk);
    await expect(restarted.pass(6n, () => undefined)).rejects.toSatisfy(isStaleTokenError);
    await restarted.pass(7n, () => undefined);
  });

  test("does nothing under a token that it could not store, and goes on", async () => {
    let isFull = true;
    const disk: { token?: bigint } = {};
    const fence = fenceOn(disk, () => isFull);
    let calls = 0;
    await expect(fence.pass(7n, () => calls++)).rejects.toThrow("the disk is full");
    expect([calls, fence.highest]).toEqual([0, undefined]);
    isFull = false;
    await fence.pass(6n, () => calls++);
    await fence.pass(7n, () => calls++);
    expect([calls, disk.token]).toEqual([2, 7n]);
  });

  test("lets one through at a time, in ascending order, whatever comes when", async () => {
    const arrivals = fc.array(fc.record({ token: fc.bigInt(0n, 5n), turns: fc.nat(3), fails: fc.boolean() }));
    await fc.assert(
      fc.asyncProperty(arrivals, async (all) => {
        const disk: { token?: bigint } = {};
        const fence = fenceOn(disk);
        const passed: bigint[] = [];
        let inside = 0;
        await Promise.all(
          all.map(async ({ token, turns, fails }) => {
            for (let i = 0; i < turns; i++) await turn();
            const pass = fence.pass(token, async () => {
              expect(++inside).toBe(1);
              expect(disk.token).toBe(token);
              await turn();
              passed.push(token);
              inside--;
              if (fails) throw new Error("it failed");
            });
            await pass.catch((error: unknown) => {
              if (!isStaleTokenError(error)) expect(fails).toBe(true);
            });
          }),
        );
        expect(passed).toEqual([...passed].sort((a, b) => Number(a - b)));
        const highest = all.map(({ token }) => token).sort((a, b) => Number(b - a))[0];
        expect(passed.at(-1)).toBe(highest);
      }),
      { numRuns: 50 },
    );
  });
});

describe("acting under a token", () => {
  const lost = new Error("lost");

  test("calls with the token, and says what the resource says", async () => {
    const holder = { fencingToken: 4n, signal: new AbortController().signal };
    const seen: bigint[] = [];
    await fenced(holder, (token) => seen.push(token) > 0);
    expect(seen).toEqual([4n]);
    const refused = fenced(holder, async () => false);
    await expect(refused).rejects.toSatisfy(isStaleTokenError);
    await expect(refused).rejects.toMatchObject({ token: 4n, highest: undefined });
    await expect(fenced(holder, () => Promise.reject(new Error("no such table")))).rejects.toThrow("no such table");
  });

  test.each([
    ["by its signal", { fencingToken: 4n, signal: AbortSignal.abort(lost) }],
    ["by the clock, of which its signal has not heard yet", lostByTheClock()],
  ])("does not even try for who does not hold, %s", async (_, holder) => {
    let calls = 0;
    await expect(fenced(holder, () => calls++ === 0)).rejects.toBe(lost);
    expect(calls).toBe(0);
  });

  /** As a grant has it: asking is what aborts the signal. */
  function lostByTheClock() {
    const controller = new AbortController();
    return {
      fencingToken: 4n,
      signal: controller.signal,
      get held() {
        controller.abort(lost);
        return false;
      },
    };
  }
});

test("errors are known by a mark, not by their class", () => {
  const error = new StaleTokenError(3n, 8n);
  expect(error.message).toBe(
    "Token 3 is refused: a later holder, with token 8, has been here. Stop acting on what you held, and acquire it again.",
  );
  expect(isStaleTokenError(Object.assign(new Error("x"), { [Symbol.for("corral.recipe.stale-token")]: true }))).toBe(
    true,
  );
  for (const other of [undefined, null, "StaleTokenError", new Error("StaleTokenError")]) {
    expect(isStaleTokenError(other)).toBe(false);
  }
});
