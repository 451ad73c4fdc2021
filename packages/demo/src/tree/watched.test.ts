import { expect, it } from "vitest";
import { type Hint, Watched } from "./watched.ts";

/** A node that answers what it is told to, and remembers who watches it. */
function node(answer: () => Promise<string | undefined>) {
  const watches: Hint[] = [];
  let hints = 0;
  let reads = 0;
  const watched = new Watched<string>(
    (watch) => {
      reads += 1;
      if (watch !== undefined) watches.push(watch);
      return answer();
    },
    () => {
      hints += 1;
    },
  );
  return { watched, watches, hints: () => hints, reads: () => reads };
}

it("reads only what may have changed", async () => {
  const { watched, watches, hints, reads } = node(async () => "a");
  expect([await watched.refresh(), await watched.refresh()]).toEqual(["a", "a"]);
  expect(reads()).toBe(1);
  watches[0]?.();
  expect(hints()).toBe(1);
  await watched.refresh();
  expect([reads(), watches.length]).toEqual([2, 2]);
});

it("reads again what changed during the read", async () => {
  let finish = (_: string) => {};
  const { watched, watches, reads } = node(
    () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
  );
  const first = watched.refresh();
  watches[0]?.();
  finish("old");
  await first;
  const second = watched.refresh();
  finish("new");
  expect(await second).toBe("new");
  expect(reads()).toBe(2);
});

it("after a failed read tries again, with a watch", async () => {
  let fails = true;
  const { watched, watches } = node(async () => {
    if (fails) throw new Error("no");
    return "a";
  });
  await expect(watched.refresh()).rejects.toThrow("no");
  fails = false;
  expect(await watched.refresh()).toBe("a");
  expect(watches).toHaveLength(2);
});
