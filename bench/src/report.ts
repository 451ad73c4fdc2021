/** The table: one row a figure, in Markdown that also reads well in a terminal. */
import { type Measurement, ratio, summary } from "./measurement.ts";

/** All runs of one figure: the n-th of each server were made one right after the other. */
export interface Row {
  readonly figure: string;
  readonly ours: readonly Measurement[];
  readonly theirs: readonly Measurement[];
  readonly ceiling: readonly Measurement[];
}

/** Renders rows; columns about servers that did not run are left out. */
export function table(rows: readonly Row[]): string {
  const withPeer = rows.some(({ theirs }) => theirs.length > 0);
  const withCeiling = rows.some(({ ceiling }) => ceiling.length > 0);
  const header = [
    "figure",
    ...["Corral op/s", "p50 ms", "p99 ms", "CPU µs/op"],
    ...(withPeer ? ["Apache op/s", "p50 ms", "p99 ms", "CPU µs/op", "op/s ratio", "CPU ratio"] : []),
    ...(withCeiling ? ["ceiling op/s", "of ceiling"] : []),
    "driver CPU",
  ];
  const body = rows.map(({ figure, ours, theirs, ceiling }) => {
    const own = summary(ours);
    return [
      figure,
      ...cells(own),
      ...(withPeer
        ? [
            ...(theirs.length > 0 ? cells(summary(theirs)) : ["", "", "", ""]),
            times(ratio(ours, theirs, (run) => run.operationsPerSecond)),
            times(ratio(ours, theirs, (run) => run.serverCpuUs)),
          ]
        : []),
      ...(withCeiling
        ? [
            ceiling.length > 0 ? whole(summary(ceiling).operationsPerSecond) : "",
            percent(ratio(ours, ceiling, (run) => run.operationsPerSecond)),
          ]
        : []),
      own.driverCpuPercent === undefined ? "" : `${whole(own.driverCpuPercent)} %`,
    ];
  });
  return aligned([header, ...body]);
}

function cells({ operationsPerSecond, latencyMs, serverCpuUs }: Measurement): string[] {
  return [
    whole(operationsPerSecond),
    latencyMs.p50.toFixed(2),
    latencyMs.p99.toFixed(2),
    serverCpuUs === undefined ? "" : serverCpuUs.toFixed(1),
  ];
}

/** A whole number with commas. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** A ratio, or nothing where there is none. */
export function times(value: number | undefined): string {
  return value === undefined ? "" : `${value.toFixed(2)}×`;
}

function percent(value: number | undefined): string {
  return value === undefined ? "" : `${whole(value * 100)} %`;
}

/** Rows of cells, a header first, as a table: the first column to the left, the others to the right. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  const [header = [], ...body] = rows;
  return [line(header), rule, ...body.map(line)].join("\n");
}
