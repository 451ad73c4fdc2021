/** Measures scenarios on our server and the peer's in turn. */
import type { Driver, Timing } from "../drivers.ts";
import type { Running } from "../servers.ts";
import { hindrance } from "./descriptors.ts";
import { type ScenarioRow, scenarioTable } from "./report.ts";
import type { Scenario } from "./scenarios.ts";

/** What a run needs. */
export interface ScenarioBench {
  readonly driver: Driver;
  readonly ours: Running;
  readonly theirs: Running | undefined;
  /** The server that does nothing. */
  readonly ceiling: Running | undefined;
  readonly timing: Timing;
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Told what is being done. */
  progress(line: string): void;
  /** Told what is left out, and why. */
  leftOut(line: string): void;
}

/** The table of those scenarios that this machine allows; `undefined` if there are none. */
export async function measureScenarios(
  bench: ScenarioBench,
  scenarios: readonly Scenario[],
): Promise<string | undefined> {
  const rows: ScenarioRow[] = [];
  for (const scenario of scenarios) {
    const why = hindrance(scenario);
    if (why === undefined) rows.push(await measureOne(bench, scenario));
    else bench.leftOut(why);
  }
  bench.progress("");
  return rows.length === 0 ? undefined : scenarioTable(rows);
}

async function measureOne(bench: ScenarioBench, scenario: Scenario): Promise<ScenarioRow> {
  const { driver, ours, theirs, timing, rounds, signal, progress } = bench;
  const row = { scenario, ours: [] as number[], theirs: [] as number[], ceiling: [] as number[] };
  // A lock needs nodes that come, go and are listed.
  const ceiling = scenario.kind === "lock" ? undefined : bench.ceiling;
  for (let round = 0; round < rounds; round++) {
    const turn: [values: number[], server: Running | undefined][] = [
      [row.ours, ours],
      [row.theirs, theirs],
      [row.ceiling, ceiling],
    ];
    // Who comes first changes, so that neither always finds the machine as the other left it.
    if (round % 2 === 1) turn.reverse();
    for (const [values, server] of turn) {
      if (server === undefined) continue;
      progress(`${driver.name}: ${scenario.name}, round ${round + 1} of ${rounds}: ${server.name}`);
      values.push(await driver.measureScenario(scenario, server, timing, signal));
    }
  }
  return row;
}
