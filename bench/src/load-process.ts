/**
 * The load driver, as a process of its own so that it takes no time from the one that starts the servers.
 * Argument: `{"prepare": PORT}` or a `LoadSpec`, as JSON. Prints a `Measurement` as JSON, or one line of error.
 */
import { type LoadSpec, load, prepare } from "./load/load.ts";

const task = JSON.parse(process.argv[2] ?? "{}") as LoadSpec | { readonly prepare: number };
try {
  const result = "prepare" in task ? await prepare(task.prepare) : await load(task);
  process.stdout.write(`${JSON.stringify(result ?? null)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
// A failed run leaves connections open.
process.exit();
