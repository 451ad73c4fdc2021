import { expect, test } from "vitest";
import { placeInQueue, queueOrder } from "./queue-order.ts";

const kinds = ["lock-", "__lock__"];

test("by number, whatever stands before; what is of no known kind is not in the queue", () => {
  const names = ["_c_b-lock-0000000012", "a__lock__0000000009", "_c_c-lock-0000000010", "other-0000000001", "lock-x"];
  expect(queueOrder(names, kinds)).toEqual([
    { name: "a__lock__0000000009", sequence: 9 },
    { name: "_c_c-lock-0000000010", sequence: 10 },
    { name: "_c_b-lock-0000000012", sequence: 12 },
  ]);
});

test("the hyphen of a kind is not the sign of the number; a number that ran over has one of its own", () => {
  expect(queueOrder(["lock-0000000005", "lock--000000007", "lock--2147483648"], kinds).map((e) => e.sequence)).toEqual([
    -2_147_483_648, -7, 5,
  ]);
});

test("who is not in the queue has no place in it, least of all the first", () => {
  expect(() => placeInQueue(queueOrder(["lock-0000000001"], kinds), "lock-0000000002")).toThrow("is not in the queue");
});
