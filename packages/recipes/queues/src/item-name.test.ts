import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareItems, type ItemName, itemNamePrefix, parseItemName } from "./item-name.ts";

const sequences = fc
  .integer({ min: 0, max: 2 ** 31 - 1 })
  .map((n) => ({ sequence: n, text: String(n).padStart(10, "0") }));
const priorities = fc.option(fc.integer(), { nil: undefined });
const dues = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 47 }));
const earlier = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 99_999_999 }));

test("what a name says can be read from it", () => {
  fc.assert(
    fc.property(sequences, priorities, dues, earlier, ({ sequence, text }, priority, dueMs, earlier) => {
      const name = itemNamePrefix({ priority, dueMs, earlier }) + text;
      expect(parseItemName(name)).toEqual({ name, sequence, priority: priority ?? 0, dueMs, earlier });
    }),
  );
});

test.each<[string, Partial<ItemName> | undefined]>([
  // Curator's queues, by its own rules.
  ["queue-0000000007", { sequence: 7, priority: 0, dueMs: 0, earlier: 0 }],
  ["queue-1000000050000000007", { sequence: 7, priority: 5 }],
  ["queue-0FFFFFFFB0000000007", { sequence: 7, priority: -5 }],
  ["queue-|18ABCDEF012|0000000007", { sequence: 7, dueMs: 0x18abcdef012 }],
  ["queue-|an id|0000000007", { sequence: 7, dueMs: 0 }],
  // kazoo's.
  ["entry-050-0000000007", { sequence: 7, priority: 50 }],
  // Once the server's counter has run over.
  ["queue--2147483648", { sequence: -2_147_483_648 }],
  ["queue-1000000053~-214748364", { sequence: -214_748_364, priority: 5, earlier: 3 }],
  ["entry-050--2147483647", { sequence: -2_147_483_647, priority: 50 }],
  // No items.
  ["queue-", undefined],
  ["queue-123", undefined],
  ["other-0000000007", undefined],
  ["entry-7-0000000007", undefined],
])("%s", (name, said) => {
  const parsed = parseItemName(name);
  if (said === undefined) expect(parsed).toBeUndefined();
  else expect(parsed).toMatchObject({ name, ...said });
});

describe("the names of one queue, sorted as text as kazoo and Curator do, are in the order of", () => {
  const nameOf = (parts: Parameters<typeof itemNamePrefix>[0], text: string) => {
    const parsed = parseItemName(itemNamePrefix(parts) + text);
    if (parsed === undefined) throw new Error("no name");
    return parsed;
  };
  const asText = (a: ItemName, b: ItemName) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

  test("arrival", () => {
    const items = fc.uniqueArray(sequences, { selector: ({ sequence }) => sequence });
    fc.assert(
      fc.property(items, (all) => {
        const names = all.map(({ text }) => nameOf({}, text));
        expect([...names].sort(compareItems("fifo"))).toEqual([...names].sort(asText));
      }),
    );
  });

  test("priority", () => {
    const items = fc.uniqueArray(fc.tuple(sequences, fc.integer()), { selector: ([{ sequence }]) => sequence });
    fc.assert(
      fc.property(items, (all) => {
        const names = all.map(([{ text }, priority]) => nameOf({ priority }, text));
        expect([...names].sort(compareItems("priority"))).toEqual([...names].sort(asText));
      }),
    );
  });

  test("time, as long as it has the digits of our time", () => {
    const items = fc.uniqueArray(fc.tuple(sequences, fc.integer({ min: 0x10000000000, max: 0xfffffffffff })), {
      selector: ([{ sequence }]) => sequence,
    });
    fc.assert(
      fc.property(items, (all) => {
        const names = all.map(([{ text }, dueMs]) => nameOf({ dueMs }, text));
        expect([...names].sort(compareItems("delay"))).toEqual([...names].sort(asText));
      }),
    );
  });
});
