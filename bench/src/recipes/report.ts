/** The tables: one row a figure and server, for each library what it came to, and ours to each of the others'. */
import { median, ratio } from "../measurement.ts";
import { aligned, times, whole } from "../report.ts";
import type { KillFigure, Recipe, TurnFigure } from "./figures.ts";
import type { Turnover } from "./holdings.ts";

/** All runs of a figure on a server, by recipe, ours first; the n-th of each were made one right after the other. */
export interface RecipeRow {
  readonly figure: string;
  readonly kind: (TurnFigure | KillFigure)["kind"];
  readonly server: string;
  readonly runs: ReadonlyMap<Recipe, readonly Turnover[]>;
}

/** Hand-overs a second. Above 1, ours are more. */
export function handOverTable(rows: readonly RecipeRow[]): string {
  return render(rows, ["/s", "p50 ms", "p99 ms"], (runs) => [
    whole(median(runs.map(({ perSecond }) => perSecond))),
    ...gaps(runs),
  ]);
}

/** How long it takes until somebody leads again. Below 1, ours takes less. */
export function failOverTable(rows: readonly RecipeRow[]): string {
  return render(rows, ["p50 ms", "p99 ms"], gaps);
}

function gaps(runs: readonly Turnover[]): string[] {
  const of = (part: (run: Turnover) => number): string => {
    const ms = median(runs.map(part));
    return ms < 100 ? ms.toFixed(2) : whole(ms);
  };
  return [of(({ gapMs }) => gapMs.p50), of(({ gapMs }) => gapMs.p99)];
}

function render(
  rows: readonly RecipeRow[],
  columns: readonly string[],
  cells: (runs: readonly Turnover[]) => string[],
): string {
  const recipes = [...new Set(rows.flatMap(({ runs }) => [...runs.keys()]).map(({ name }) => name))];
  const [own = "", ...others] = recipes;
  const body = rows.map(({ figure, kind, server, runs }) => {
    const of = (name: string) => [...runs].find(([recipe]) => recipe.name === name)?.[1] ?? [];
    const part = (run: Turnover): number => (kind === "hand-over" ? run.perSecond : run.gapMs.p50);
    return [
      figure,
      server,
      ...recipes.flatMap((name) => (of(name).length > 0 ? cells(of(name)) : columns.map(() => ""))),
      ...others.map((name) => times(ratio(of(own), of(name), part))),
    ];
  });
  const header = [
    "figure",
    "server",
    ...recipes.flatMap((name) => columns.map((column, i) => (i === 0 ? `${name} ${column}` : column))),
    ...others.map((name) => `to ${name}`),
  ];
  return aligned([header, ...body]);
}
