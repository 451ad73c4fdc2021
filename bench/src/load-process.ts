/**
 * The load driver, as a process of its own so that it takes no time from the one that starts the servers.
 * Argument: `{"prepare": PORT}`, `{"fill": PORT, "nodes": N}`, `{"sessions": PORT, "count": N}`, a `ScenarioSpec`
 * or a `LoadSpec`, as JSON. Prints a `Measurement` as JSON where something was measured, a number for a scenario, or one
 * line of error.
 */
import { fill, type LoadSpec, load, openSessions, prepare } from "./load/load.ts";
import { measureScenario } from "./scenarios/measure.ts";
import type { ScenarioSpec } from "./scenarios/scenarios.ts";

type Task =
  | ScenarioSpec
  | LoadSpec
  | { readonly prepare: number }
  | { readonly fill: number; readonly nodes: number }
  | { readonly sessions: number; readonly count: number };

const task = JSON.parse(process.argv[2] ?? "{}") as Task;
try {
  const result = await run(task);
  process.stdout.write(`${JSON.stringify(result ?? null)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
function run(task: Task): Promise<unknown> {
  if ("prepare" in task) return prepare(task.prepare);
  if ("fill" in task) return fill(task.fill, task.nodes);
  if ("sessions" in task) return openSessions(task.sessions, task.count);
  if ("scenario" in task) return measureScenario(task);
  return load(task);
}

// A failed run leaves connections open.
process.exit();
