/** A worker process: counts the words of the texts it is assigned, and keeps a journal of what it did. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@corral/client";
import { type TaskContext, Worker } from "@corral/master-worker";
import { countFile } from "../input/read-text.ts";
import { packCounts } from "../words/packed-counts.ts";
import { JournalFile } from "./journal-file.ts";
import { fromArgument, type WorkerConfig } from "./messages.ts";
import { aborted, runProcess, stderrLogger } from "./process.ts";

await runProcess(async (stop) => {
  const config = fromArgument<WorkerConfig>(process.argv.slice(2));
  const { id, connectString, sessionTimeoutMs, backlog } = config;
  const journal = new JournalFile(config.journalFile, id);
  const client = await connect(connectString, { sessionTimeoutMs, signal: stop, logger: stderrLogger });
  const worker = new Worker(client, { id, capacity: 1, backlog, run: (path, task) => execute(path, task) });
  worker.events.on("reported", ({ task, attempt }) => {
    journal.write({ event: "report", task, attempt, outcome: "recorded" });
  });
  worker.events.on("reportRefused", ({ task, attempt, why }) => {
    journal.write({ event: "report", task, attempt, outcome: why === "unknown" ? "unknown" : "refused" });
  });
  await worker.start();
  await aborted(stop);
  await worker.close();
  await client.close();

  async function execute(path: unknown, { taskName: task, attempt, signal }: TaskContext): Promise<Uint8Array> {
    journal.write({ event: "start", task, attempt });
    try {
      if (typeof path !== "string") {
        throw new Error("A task of this demo is the path of a text.");
      }
      const beganMs = performance.now();
      const { counts } = await countFile(join(config.input, path), signal);
      const packed = packCounts(counts);
      // The pace: counting takes a few milliseconds, and a person wants to see it. Nothing waits for this but the person.
      await delay(Math.max(0, config.paceMs - (performance.now() - beganMs)), undefined, { signal });
      journal.write({ event: "end", task, attempt });
      return packed;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      journal.write({ event: signal.aborted ? "aborted" : "failed", task, attempt, reason });
      throw error;
    }
  }
});
