/** The second table: one row a scenario. */
import { median, ratio } from "../measurement.ts";
import { aligned, times, whole } from "../report.ts";
import type { Scenario } from "./scenarios.ts";

/** All runs of one scenario, in its unit: the n-th of each server were made one right after the other. */
export interface ScenarioRow {
  readonly scenario: Scenario;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** Of the server that does nothing; none where it would have to do something. */
  readonly ceiling: readonly number[];
}

/** Renders rows; columns about the peer are left out if it did not run. */
export function scenarioTable(rows: readonly ScenarioRow[]): string {
  const withPeer = rows.some(({ theirs }) => theirs.length > 0);
  const withCeiling = rows.some(({ ceiling }) => ceiling.length > 0);
  const header = [
    ...["figure", "unit", "Corral"],
    ...(withPeer ? ["Apache", "ratio", "good"] : []),
    ...(withCeiling ? ["ceiling"] : []),
  ];
  const body = rows.map(({ scenario, ours, theirs, ceiling }) => [
    scenario.name,
    scenario.unit,
    number(ours),
    ...(withPeer
      ? [
          number(theirs),
          times(ratio(ours, theirs, (value) => value)),
          scenario.better === "higher" ? "above 1" : "below 1",
        ]
      : []),
    ...(withCeiling ? [number(ceiling)] : []),
  ]);
  return aligned([header, ...body]);
}

function number(values: readonly number[]): string {
  if (values.length === 0) return "";
  const value = median(values);
  return value < 1_000 ? value.toFixed(1) : whole(value);
}
