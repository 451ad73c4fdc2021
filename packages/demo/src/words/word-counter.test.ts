import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countWords, LONGEST_WORD, mergeCounts, WordCounter } from "./word-counter.ts";

const countsOf = (text: string): Record<string, number> => Object.fromEntries(countWords(text).counts);

describe("what is a word", () => {
  const cases: [what: string, text: string, counts: Record<string, number>][] = [
    ["nothing", "", {}],
    ["no letters at all", " 12, -- 1984\r\n!? ''", {}],
    ["case is folded", "The the THE", { the: 3 }],
    ["\\r\\n ends a word as \\n does", "one\r\ntwo\ntwo\rone", { one: 2, two: 2 }],
    ["a byte order mark is no letter", "\ufeffone", { one: 1 }],
    ["apostrophes inside belong to the word, straight or curly", "don't DON’T o’clock", { "don't": 2, "o'clock": 1 }],
    ["several of them, too", "l'aujourd'hui", { "l'aujourd'hui": 1 }],
    ["quotation marks around a word do not", "'twas 'quoted' dogs’ ’so’", { twas: 1, quoted: 1, dogs: 1, so: 1 }],
    ["two in a row separate", "one''two", { one: 1, two: 1 }],
    ["digits separate", "a1b", { a: 1, b: 1 }],
    ["underscores and hyphens separate", "_emphasis_ well-known", { emphasis: 1, well: 1, known: 1 }],
    ["letters of any script", "Война и мир, ΣΟΦΟΣ σοφός", { война: 1, и: 1, мир: 1, σοφος: 1, σοφός: 1 }],
    ["composed and decomposed are the same", "caf\u00e9 cafe\u0301 CAFE\u0301", { café: 3 }],
    ["a mark without a letter is nothing", "\u0301 a", { a: 1 }],
    ["a mark after an apostrophe ends the word", "a'\u0301b", { a: 1, b: 1 }],
    ["letters beyond the first plane", "\u{10400}\u{10428} x", { "\u{10428}\u{10428}": 1, x: 1 }],
    ["an emoji separates", "one👍two", { one: 1, two: 1 }],
    ["a lone surrogate separates", "one\ud800two\udc00three", { one: 1, two: 1, three: 1 }],
  ];
  it.each(cases)("%s", (_, text, counts) => {
    expect(countsOf(text)).toEqual(counts);
  });

  it("keeps the first letters of an endless word", () => {
    const [word] = countWords("a".repeat(100_000)).counts.keys();
    expect(word).toHaveLength(LONGEST_WORD);
  });

  it("sums up all words", () => {
    expect(countWords("To be, or not to be").words).toBe(6);
  });
});

describe("the way the text is cut", () => {
  const alphabet = ["a", "B", "é", "e\u0301", "\u0301", "'", "’", " ", "\r\n", "7", "\u{10400}", "👍", "ß", "İ"];
  const text = fc.array(fc.constantFrom(...alphabet), { maxLength: 60, size: "max" }).map((parts) => parts.join(""));

  it("does not change the counts", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 80 })), (whole, cuts) => {
        const counter = new WordCounter();
        let from = 0;
        for (const to of [...cuts.filter((cut) => cut <= whole.length).sort((a, b) => a - b), whole.length]) {
          counter.push(whole.slice(from, to));
          from = to;
        }
        expect(counter.finish()).toEqual(countWords(whole));
      }),
    );
  });

  it("agrees with the definition written as one regular expression", () => {
    const definition = /\p{L}[\p{L}\p{M}]*(?:['’]\p{L}[\p{L}\p{M}]*)*/gu;
    fc.assert(
      fc.property(text, (whole) => {
        const expected = new Map<string, number>();
        for (const match of whole.match(definition) ?? []) {
          const word = match.replaceAll("’", "'").normalize("NFC").toLowerCase().normalize("NFC");
          expected.set(word, (expected.get(word) ?? 0) + 1);
        }
        expect(countWords(whole).counts).toEqual(expected);
      }),
    );
  });

  it("merging the counts of two texts is counting both", () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const merged = countWords(one);
        mergeCounts(merged, countWords(other));
        expect(merged).toEqual(countWords(`${one} ${other}`));
      }),
    );
  });
});
