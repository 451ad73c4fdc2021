import { describe, expect, it } from "vitest";
import type { Tally } from "../proof/tally.ts";
import { CorpusSummary } from "../words/statistics.ts";
import { countWords } from "../words/word-counter.ts";
import { renderReckoning, renderStatistics } from "./report.ts";
import type { Line } from "./segments.ts";

const textOf = (lines: readonly Line[]) => lines.map((line) => line.map(({ text }) => text).join("")).join("\n");

const tally: Tally = {
  submitted: 1_051,
  recorded: 1_051,
  executions: 1_060,
  reassignments: 9,
  refused: 1,
  lost: 0,
  recordedTwice: 0,
  problems: [],
};

describe("renderStatistics", () => {
  it("draws the most frequent words and lists the longest texts", () => {
    const summary = new CorpusSummary(3);
    summary.add("a.txt", countWords("one two two three three three three"));
    for (let index = 0; index < 9; index += 1) summary.add(`b/${index}.txt`, countWords("one"));
    expect(textOf(renderStatistics(summary.statistics()))).toMatchInlineSnapshot(`
      "16 words, 3 different, in 10 texts
        one   ████████████████████████████████████████ 10
        three ████████████████ 4
        two   ████████ 2

                7 words,      3 different  a.txt  three two one …
                1 words,      1 different  b/0.txt  one …
                1 words,      1 different  b/1.txt  one …
                1 words,      1 different  b/2.txt  one …
                1 words,      1 different  b/3.txt  one …
                1 words,      1 different  b/4.txt  one …
                1 words,      1 different  b/5.txt  one …
                1 words,      1 different  b/6.txt  one …
        and 2 more, each counted and compared"
    `);
  });
  it("has something to say about texts without words", () => {
    const summary = new CorpusSummary(3);
    summary.add("empty.txt", countWords(""));
    expect(textOf(renderStatistics(summary.statistics()))).toMatch(/^0 words, 0 different, in 1 text\n/);
  });
});

describe("renderReckoning", () => {
  it("says what must be said", () => {
    expect(textOf(renderReckoning(tally, []))).toMatchInlineSnapshot(`
      "  tasks submitted       1,051
        results recorded      1,051
        executions            1,060
        reassignments             9
        reports refused           1
        lost                      0
        recorded twice            0
        result            identical to the direct computation"
    `);
  });
  it("says what is wrong", () => {
    const text = textOf(
      renderReckoning({ ...tally, lost: 1, problems: ["t1 was submitted and has no result."] }, ["x"]),
    );
    expect(text).toMatch(/lost +1\n[\s\S]*differs from the direct computation\n {2}t1 was submitted[^\n]*\n {2}x$/);
  });
});
