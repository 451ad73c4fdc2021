import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { packCounts, TooManyWordsError, unpackCounts } from "./packed-counts.ts";

const word = fc
  .array(fc.constantFrom("a", "b", "é", "'", "\u{10400}", "\u{10428}", "語"), { minLength: 1, maxLength: 12 })
  .map((letters) => letters.join(""));

it("gives back what was packed", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(word, fc.integer({ min: 1, max: 1_000_000 }))), (entries) => {
      const counts = new Map(entries);
      const words = [...counts.values()].reduce((sum, count) => sum + count, 0);
      expect(unpackCounts(packCounts(counts))).toEqual({ words, counts });
    }),
  );
});

it("does not depend on the order in which words were met", () => {
  const one = new Map([
    ["b", 1],
    ["a", 2],
  ]);
  expect(packCounts(one)).toEqual(packCounts(new Map([...one].reverse())));
});

it("refuses what does not fit, and says what to do", () => {
  const counts = new Map(Array.from({ length: 500 }, (_, index) => [`word${index}`, index + 1]));
  expect(() => packCounts(counts, 100)).toThrow(TooManyWordsError);
  expect(() => packCounts(counts, 100)).toThrow(/500 different words.*a result holds 100 bytes\. Split the file\./);
});

it.each(["0\tword\n", "0\tword\t\n", "0\tword\t-1\n", "0\tword\tmany\n"])("refuses damaged counts: %j", (text) => {
  expect(() => unpackCounts(deflateRawSync(text))).toThrow("Damaged word counts");
});

it("refuses bytes that are not deflated", () => {
  expect(() => unpackCounts(Uint8Array.of(1, 2, 3, 4))).toThrow();
});
