/** What others suffer has a number in docs/pain-points.md, and every number a test in whose title it stands. */
import type { SourceFile, TextFile } from "./files.ts";
import { type Violation, violation } from "./violation.ts";

/** The table. */
export const painPointsPath = "docs/pain-points.md";
/** How many there are. */
export const painPointCount = 25;

const rule = "pain point";

/** Rows that are missing or name no test, tests that do not have the number, numbers that are none. */
export function painPoints(table: TextFile, source: readonly SourceFile[]): Violation[] {
  const tests = new Map(source.filter(({ path }) => path.endsWith(".test.ts")).map((file) => [file.path, file]));
  const found: Violation[] = [];
  const rows = new Map<number, { readonly text: string; readonly at: number }>();
  for (const match of table.text.matchAll(/^\| 6\.(\d+) .*$/gm)) {
    rows.set(Number(match[1]), { text: match[0], at: match.index });
  }
  for (let number = 1; number <= painPointCount; number++) {
    const row = rows.get(number);
    if (row === undefined) {
      found.push(violation(rule, table.path, table.text, 0, `Give 6.${number} its row.`));
      continue;
    }
    const named = [...row.text.matchAll(/\]\(\.\.\/([^)\s]+)\)/g)].map((match) => match[1] ?? "");
    if (named.length === 0) found.push(violation(rule, table.path, table.text, row.at, "Link the tests of it."));
    for (const path of named) {
      if (hasTitle(tests.get(path), number)) continue;
      const instead = `Give a test in ${path} the number: §6.${number} in its title.`;
      found.push(violation(rule, table.path, table.text, row.at, instead));
    }
  }
  for (const { path, text, codeAndStrings } of tests.values()) {
    if (path.startsWith("test/tidy/")) continue;
    for (const match of codeAndStrings.matchAll(/§6\.(\d+)/g)) {
      if (rows.has(Number(match[1]))) continue;
      found.push(violation(rule, path, text, match.index, `${painPointsPath} has no such number.`));
    }
  }
  return found;
}

/** In the code and its strings, not in a comment: that is a title. */
function hasTitle(file: SourceFile | undefined, number: number): boolean {
  return file !== undefined && new RegExp(`§6\\.${number}(?!\\d)`).test(file.codeAndStrings);
}
