/** What is printed at the end: the picture of the result, and the reckoning. State in, lines out. Pure. */
import type { Tally } from "../proof/tally.ts";
import { count, formatNumber } from "../tree/narrator.ts";
import type { CorpusStatistics, TextStatistics } from "../words/statistics.ts";
import { bar, type Line, plain, styled } from "./segments.ts";

const BAR_WIDTH = 40;
const FILES_SHOWN = 8;

/** The most frequent words as bars, and the texts with the most words. */
export function renderStatistics({ files, total }: CorpusStatistics): Line[] {
  const paths = Object.keys(files);
  const lines: Line[] = [
    [
      styled(
        "bold",
        `${formatNumber(total.words)} words, ${formatNumber(total.distinct)} different, in ${count(paths.length, "text")}`,
      ),
    ],
  ];
  const most = total.top[0]?.count ?? 0;
  const width = Math.max(0, ...total.top.map(({ word }) => word.length));
  for (const { word, count } of total.top) {
    const { full } = bar(count, most, BAR_WIDTH);
    lines.push([plain(`  ${word.padEnd(width)} `), styled("cyan", full), plain(` ${formatNumber(count)}`)]);
  }
  const longest = paths
    .map((path) => ({ path, text: files[path] as TextStatistics }))
    .sort((one, other) => other.text.words - one.text.words || (one.path < other.path ? -1 : 1));
  lines.push([]);
  for (const { path, text } of longest.slice(0, FILES_SHOWN)) {
    const words = text.top.slice(0, 5).map(({ word }) => word);
    lines.push([
      plain(`  ${formatNumber(text.words).padStart(9)} words, ${formatNumber(text.distinct).padStart(6)} different  `),
      plain(path),
      styled("dim", `  ${words.join(" ")} …`),
    ]);
  }
  const more = longest.length - FILES_SHOWN;
  if (more > 0) {
    lines.push([styled("dim", `  and ${formatNumber(more)} more, each counted and compared`)]);
  }
  return lines;
}

/** The reckoning, and below it everything that is wrong. */
export function renderReckoning(tally: Tally, differences: readonly string[]): Line[] {
  const row = (what: string, value: string, isGood = true): Line => [
    plain(`  ${what.padEnd(18)}`),
    styled(isGood ? "green" : "red", value.padStart(9)),
  ];
  const number = (what: string, value: number, isGood?: boolean) => row(what, formatNumber(value), isGood);
  return [
    number("tasks submitted", tally.submitted),
    number("results recorded", tally.recorded, tally.recorded === tally.submitted),
    number("executions", tally.executions),
    number("reassignments", tally.reassignments),
    number("reports refused", tally.refused),
    number("lost", tally.lost, tally.lost === 0),
    number("recorded twice", tally.recordedTwice, tally.recordedTwice === 0),
    differences.length === 0
      ? [plain("  result            "), styled("green", "identical to the direct computation")]
      : [plain("  result            "), styled("red", "differs from the direct computation")],
    ...[...tally.problems, ...differences].slice(0, 20).map((problem): Line => [styled("red", `  ${problem}`)]),
  ];
}
