import { describe, expect, it } from "vitest";
import { CorpusSummary, differences, mostFrequent, summarise } from "./statistics.ts";
import { countWords } from "./word-counter.ts";

describe("mostFrequent", () => {
  it("orders by frequency, then by word, and stops at the limit", () => {
    expect(mostFrequent(countWords("c b a b d a e").counts, 4)).toEqual([
      { word: "a", count: 2 },
      { word: "b", count: 2 },
      { word: "c", count: 1 },
      { word: "d", count: 1 },
    ]);
  });
});

describe("CorpusSummary", () => {
  it("finds a total's most frequent word that is no text's most frequent one", () => {
    const summary = new CorpusSummary(1);
    summary.add("one.txt", countWords("a a a common common"));
    summary.add("two.txt", countWords("b b b common common"));
    const { files, total } = summary.statistics();
    expect(files["one.txt"]?.top).toEqual([{ word: "a", count: 3 }]);
    expect(total).toMatchObject({ words: 10, distinct: 3, top: [{ word: "common", count: 4 }] });
  });

  it("does not depend on the order of the texts", () => {
    const texts: [string, string][] = [
      ["one", "x y z"],
      ["two", "y z"],
      ["three", "z"],
    ];
    const inOrder = new CorpusSummary(2);
    const reversed = new CorpusSummary(2);
    for (const [path, text] of texts) inOrder.add(path, countWords(text));
    for (const [path, text] of texts.reverse()) reversed.add(path, countWords(text));
    expect(differences(inOrder.statistics(), reversed.statistics())).toEqual([]);
  });

  it("takes any file name", () => {
    const summary = new CorpusSummary(1);
    summary.add("__proto__", countWords("a"));
    expect(Object.keys(summary.statistics().files)).toEqual(["__proto__"]);
  });
});

describe("differences", () => {
  const of = (texts: Record<string, string>) => {
    const summary = new CorpusSummary(1);
    for (const [path, text] of Object.entries(texts)) summary.add(path, countWords(text));
    return summary.statistics();
  };

  it("finds none between equals", () => {
    expect(differences(of({ a: "x y" }), of({ a: "Y x" }))).toEqual([]);
  });

  it("names the file and both numbers", () => {
    expect(differences(of({ a: "x x" }), of({ a: "x" }))[0]).toBe("a: words is 2, computed directly it is 1.");
  });

  it("finds a missing and a surplus file", () => {
    const found = differences(of({ a: "x" }), of({ b: "x" }));
    expect(found).toContain("a: has a result though it was not asked for.");
    expect(found).toContain("b: has no result.");
  });

  it("finds a difference beyond the most frequent words", () => {
    expect(differences(of({ a: "x x y" }), of({ a: "x x z" }))[0]).toBe(
      "a: some word's count differs from the direct computation.",
    );
  });

  it("stops at its limit", () => {
    expect(differences(of({ a: "x", b: "x", c: "x" }), of({}), 2)).toHaveLength(2);
  });
});

describe("summarise", () => {
  it("gives an empty text its own statistics", () => {
    expect(summarise(countWords(""), 3)).toMatchObject({ words: 0, distinct: 0, top: [] });
  });
});
