import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseItems, isSpent, waitingItems } from "./choose-items.ts";
import { compareItems, type ItemOrder, itemNamePrefix } from "./item-name.ts";

const orders = fc.constantFrom<ItemOrder>("fifo", "priority", "delay");
const entries = fc
  .array(fc.record({ priority: fc.integer({ min: -3, max: 3 }), dueMs: fc.integer({ min: 0, max: 20 }) }))
  .map((all) => all.map((parts, i) => `${itemNamePrefix(parts)}${String(i).padStart(10, "0")}`));

test("everything is ready, waits for its time, or is being worked on; and what is ready is in order", () => {
  fc.assert(
    fc.property(entries, fc.array(fc.nat()), orders, fc.integer({ min: 0, max: 20 }), (names, picks, order, nowMs) => {
      const taken = names.length === 0 ? [] : picks.map((pick) => names[pick % names.length] ?? "");
      const waiting = waitingItems({ entries: [...names, "foreign"], taken });
      const { ready, nextDueMs } = chooseItems(waiting, order, nowMs);
      expect(waiting.map(({ name }) => name)).toEqual(names.filter((name) => !taken.includes(name)));
      expect(ready.every(({ dueMs }) => dueMs <= nowMs)).toBe(true);
      const later = waiting.filter((item) => !ready.includes(item)).map(({ dueMs }) => dueMs);
      expect(nextDueMs).toBe(later.length === 0 ? undefined : Math.min(...later));
      for (const [i, item] of ready.entries()) {
        const before = ready[i - 1];
        if (before !== undefined) expect(compareItems(order)(before, item)).toBeLessThan(0);
      }
    }),
  );
});

test.each([
  [0, 1, false],
  [1, 1, true],
  [4, 5, false],
  [6, 5, true],
  [1_000_000, Number.POSITIVE_INFINITY, false],
])("delivered %i times, of %d: spent %s", (deliveries, max, spent) => {
  expect(isSpent(deliveries, max)).toBe(spent);
});
