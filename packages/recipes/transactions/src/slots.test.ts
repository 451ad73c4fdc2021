import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

const never = new AbortController().signal;

/** Something that runs until it is told to end. */
function work() {
  let end = (): void => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  const state = { isRunning: false };
  const run = async () => {
    state.isRunning = true;
    await done;
    state.isRunning = false;
  };
  return { run, end, state };
}

test("so many run at a time, the others in the order in which they came", async () => {
  const slots = new Slots(2);
  const all = [work(), work(), work(), work()];
  const runs = all.map(({ run }) => slots.run(run, never));
  const running = () => all.map(({ state }) => state.isRunning);
  await Promise.resolve();
  expect(running()).toEqual([true, true, false, false]);
  all[1]?.end();
  await runs[1];
  await Promise.resolve();
  expect(running()).toEqual([true, false, true, false]);
  for (const { end } of all) end();
  await Promise.all(runs);
  expect(await slots.run(() => 7, never)).toBe(7);
});

test("who is cancelled while it waits leaves its place to the next, and a failure frees its slot", async () => {
  const slots = new Slots(1);
  const [first, last] = [work(), work()];
  const running = slots.run(first.run, never);
  const cancel = new AbortController();
  const cancelled = slots.run(() => "never", cancel.signal);
  const next = slots.run(last.run, never);
  cancel.abort(new Error("enough"));
  await expect(cancelled).rejects.toThrow("enough");
  first.end();
  await running;
  last.end();
  await next;
  await expect(slots.run(() => Promise.reject(new Error("failed")), never)).rejects.toThrow("failed");
  await expect(slots.run(() => "never", cancel.signal)).rejects.toThrow("enough");
  expect(await slots.run(() => "free", never)).toBe("free");
});
