/** Collects at the end what `tally` weighs: from the tree with a client, from the workers' journals on disk. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@corral/client";
import { decodeStatus, type Layout } from "@corral/master-worker";
import { type JournalEntry, parseJournal } from "../proof/journal.ts";
import type { Evidence, RecordedResult } from "../proof/tally.ts";
import { readChildren, readPersistently } from "../tree/reads.ts";

/** What the tree says at the end. */
export type TreeEvidence = Pick<Evidence, "results" | "leftOver" | "resultsRemoved">;

/** Reads every result and whatever is left under `/tasks` and `/assign`. Nobody must be writing any more. */
export async function readTree(client: Client, layout: Layout, signal: AbortSignal): Promise<TreeEvidence> {
  return await readPersistently(async () => {
    await client.sync(layout.root, { signal });
    const { children: tasks, stat } = await client.childrenWithStat(layout.status, { signal });
    const results: RecordedResult[] = [];
    for (const task of tasks) {
      results.push(await readResult(client, layout, task, signal));
    }
    return {
      results,
      leftOver: await readLeftOver(client, layout, signal),
      // The cversion counts creations and removals: creations − removals = children.
      resultsRemoved: (stat.cversion - tasks.length) / 2,
    };
  }, signal);
}

async function readResult(client: Client, layout: Layout, task: string, signal: AbortSignal): Promise<RecordedResult> {
  const { data, stat } = await client.get(layout.statusOf(task), { signal });
  const rewritten = stat.version !== 0 || stat.mzxid !== stat.czxid;
  const record = decodeStatus(data);
  if (!record.ok) {
    const message = `its record cannot be read: ${record.detail}`;
    return { task, outcome: "failed", worker: undefined, attempt: 1, rewritten, message };
  }
  const { kind, attempt, by, error } = record.value;
  return {
    task,
    outcome: kind === "done" ? "done" : "failed",
    worker: kind === "done" ? by : undefined,
    attempt,
    rewritten,
    message: error?.message,
  };
}

async function readLeftOver(client: Client, layout: Layout, signal: AbortSignal): Promise<string[]> {
  const waiting = (await readChildren(client, layout.tasks, undefined, signal)) ?? [];
  const left = waiting.map((task) => layout.task(task));
  for (const worker of (await readChildren(client, layout.assign, undefined, signal)) ?? []) {
    const queue = (await readChildren(client, layout.queue(worker), undefined, signal)) ?? [];
    left.push(...queue.map((assignment) => layout.assignment(worker, assignment)));
  }
  return left;
}

/** The journals of these workers, in `directory`. Each must be there: a worker begins its journal before anything else. */
export async function readJournals(directory: string, workers: readonly string[]): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (const worker of workers) {
    const text = await readFile(join(directory, `${worker}.jsonl`), "utf8");
    entries.push(...parseJournal(text, worker));
  }
  return entries;
}
