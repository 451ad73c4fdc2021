import { expect, test } from "vitest";
import { Gate } from "./gate.ts";

test("so many at a time, the others in their order", () => {
  const gate = new Gate(2);
  const entered: number[] = [];
  for (let i = 0; i < 5; i++) gate.enter(() => entered.push(i));
  expect(entered).toEqual([0, 1]);
  gate.leave();
  expect(entered).toEqual([0, 1, 2]);
  gate.leave();
  gate.leave();
  gate.leave();
  gate.leave();
  gate.enter(() => entered.push(5));
  gate.enter(() => entered.push(6));
  gate.enter(() => entered.push(7));
  expect(entered).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("however many leave as soon as they have entered, they do not pile up on the stack", () => {
  const gate = new Gate(1);
  let entered = 0;
  gate.enter(() => undefined);
  for (let i = 0; i < 100_000; i++) {
    gate.enter(() => {
      entered++;
      gate.leave();
    });
  }
  gate.leave();
  expect(entered).toBe(100_000);
});
