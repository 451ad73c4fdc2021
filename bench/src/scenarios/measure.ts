/** One run of a scenario on one server, in the driver's process. */
import { measureLock } from "./lock.ts";
import type { Scenario, ScenarioSpec } from "./scenarios.ts";
import { measureSessions } from "./sessions.ts";
import { measureWatchers } from "./watchers.ts";

const measures: Readonly<Record<Scenario["kind"], (spec: ScenarioSpec) => Promise<number>>> = {
  sessions: measureSessions,
  watchers: measureWatchers,
  lock: measureLock,
};

/** Answers the figure in the scenario's unit. Rejects at the first reply that is wrong. */
export function measureScenario(spec: ScenarioSpec): Promise<number> {
  return measures[spec.scenario.kind](spec);
}
