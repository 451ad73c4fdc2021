import { expect, test } from "vitest";
import { Fifo } from "./fifo.ts";

test("first in, first out, through many compactions", () => {
  const fifo = new Fifo<number>();
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 500; round++) {
    for (let i = 0; i < round % 7; i++) fifo.push(next++);
    for (let i = 0; i < round % 5; i++) {
      if (fifo.length === 0) break;
      expect(fifo.peek()).toBe(expected);
      expect(fifo.shift()).toBe(expected++);
    }
    expect(fifo.length).toBe(next - expected);
  }
  expect(fifo.drain()).toEqual(Array.from({ length: next - expected }, (_, i) => expected + i));
  expect(fifo.shift()).toBeUndefined();
  expect(fifo.peek()).toBeUndefined();
  expect(fifo.length).toBe(0);
});
