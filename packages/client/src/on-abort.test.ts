import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { onAbort } from "./on-abort.ts";

test("all are called, in order, each once, through one listener", () => {
  const controller = new AbortController();
  const called: number[] = [];
  for (let i = 0; i < 100; i++) onAbort(controller.signal, () => called.push(i));
  expect(getEventListeners(controller.signal, "abort").length).toBe(1);
  controller.abort();
  controller.abort();
  expect(called).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(getEventListeners(controller.signal, "abort").length).toBe(0);
});

test("what is taken back is not called; with the last of them the listener goes", () => {
  const { signal } = new AbortController();
  const callback = () => {
    throw new Error("called");
  };
  const first = onAbort(signal, callback);
  const second = onAbort(signal, callback);
  first();
  first();
  expect(getEventListeners(signal, "abort").length).toBe(1);
  second();
  expect(getEventListeners(signal, "abort").length).toBe(0);
  const third = onAbort(signal, callback);
  expect(getEventListeners(signal, "abort").length).toBe(1);
  third();
  onAbort(undefined, callback)();
});

test("one that is called may take others back, and register again", () => {
  const controller = new AbortController();
  const called: string[] = [];
  onAbort(controller.signal, () => {
    called.push("one");
    takeBack();
  });
  const takeBack = onAbort(controller.signal, () => called.push("two"));
  controller.abort();
  expect(called).toEqual(["one"]);
});
