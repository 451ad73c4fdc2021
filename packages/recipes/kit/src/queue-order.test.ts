import fc from "fast-check";
import { expect, test } from "vitest";
import { memberBefore, placeInQueue, queueOrder } from "./queue-order.ts";

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

test("the member before one is the last of those that came before it, in whatever order the names come", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }), { minLength: 1 }),
      (numbers) => {
        const names = numbers.map((n, i) => `_c_${i}-${kinds[i % 2]}${sequenceText(n)}`);
        const order = queueOrder(names, kinds);
        expect(order.map(({ sequence }) => sequence)).toEqual([...numbers].sort((a, b) => a - b));
        for (const own of names) {
          expect(memberBefore(["x-lock-12", ...names], kinds, own)).toBe(order[placeInQueue(order, own) - 1]?.name);
        }
      },
    ),
  );
});

test("nobody is before one that is not in the queue", () => {
  expect(() => memberBefore(["lock-0000000001"], kinds, "lock-0000000002")).toThrow("is not in the queue");
  expect(() => memberBefore(["lock-0000000001", "other"], kinds, "other")).toThrow("is not in the queue");
});

/** As servers write it: C's %010d. */
function sequenceText(n: number): string {
  return n < 0 ? `-${String(-n).padStart(9, "0")}` : String(n).padStart(10, "0");
}
