/**
 * The client process: submits one task for each text, waits for all results, and sums them up. It leaves the results where
 * they are, for the demo to look at; a client that needs no witness would `take` them.
 */
import { readFile } from "node:fs/promises";
import { connect } from "@corral/client";
import { TaskClient, type TaskHandle } from "@corral/master-worker";
import { unpackCounts } from "../words/packed-counts.ts";
import { CorpusSummary } from "../words/statistics.ts";
import { type ClientConfig, type ClientMessage, fromArgument } from "./messages.ts";
import { runProcess, stderrLogger } from "./process.ts";

/** Submissions on their way at once. */
const IN_FLIGHT = 64;

function say(message: ClientMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

await runProcess(async (signal) => {
  const { connectString, sessionTimeoutMs, jobFile, topWords } = fromArgument<ClientConfig>(process.argv.slice(2));
  const paths: string[] = JSON.parse(await readFile(jobFile, "utf8"));
  const client = await connect(connectString, { sessionTimeoutMs, signal, logger: stderrLogger });
  const tasks = new TaskClient(client);

  const handles: TaskHandle[] = [];
  for (let from = 0; from < paths.length; from += IN_FLIGHT) {
    const batch = paths.slice(from, from + IN_FLIGHT);
    handles.push(...(await Promise.all(batch.map((path) => tasks.submit(path, { signal })))));
  }
  say({ type: "submitted", tasks: handles.map(({ name }) => name) });

  const summary = new CorpusSummary(topWords);
  for (const [index, path] of paths.entries()) {
    const outcome = await (handles[index] as TaskHandle).outcome({ signal });
    if (outcome.kind !== "done") {
      say({ type: "failed", message: `${path} could not be counted by ${outcome.by}: ${outcome.error.message}` });
      break;
    }
    summary.add(path, unpackCounts(outcome.value as Uint8Array));
    if (index === paths.length - 1) {
      say({ type: "statistics", statistics: summary.statistics() });
    }
  }
  await client.close();
});
