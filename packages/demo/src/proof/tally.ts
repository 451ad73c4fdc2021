/**
 * The reckoning at the end: do the tree and the workers' own journals together prove that every task was done, and that
 * exactly one result of each was recorded? Pure, so that each way to fail is a test.
 */
import type { JournalEntry } from "./journal.ts";

/** A `/status` node as it stands at the end. */
export interface RecordedResult {
  readonly task: string;
  readonly outcome: "done" | "failed";
  /** Whose report was recorded; undefined when a master recorded it (a task given up after too many attempts). */
  readonly worker: string | undefined;
  readonly attempt: number;
  /** Whether the node was written again after it was created: its version, or its mzxid, says so. */
  readonly rewritten: boolean;
  /** Why it failed, in the words of the worker. */
  readonly message: string | undefined;
}

/** All that is known at the end. */
export interface Evidence {
  /** Tasks that the client submitted. */
  readonly submitted: readonly string[];
  readonly results: readonly RecordedResult[];
  /** Names still under `/tasks` or `/assign`. */
  readonly leftOver: readonly string[];
  /**
   * How many nodes were ever removed from `/status`: what was removed could have been recorded again. The list's cversion
   * counts creations and removals, so the tree itself tells, even of what nobody was looking at.
   */
  readonly resultsRemoved: number;
  readonly journals: readonly JournalEntry[];
}

/** What is printed. */
export interface Tally {
  readonly submitted: number;
  readonly recorded: number;
  /** Times that a worker began a task, from the journals. */
  readonly executions: number;
  /** Times that a task was taken from a worker and given out again. */
  readonly reassignments: number;
  /** Reports that were refused because the task was no longer the worker's, from the journals. */
  readonly refused: number;
  readonly lost: number;
  readonly recordedTwice: number;
  /** One sentence for each thing that is not as it must be; empty when all is proven. */
  readonly problems: readonly string[];
}

/** Weighs the evidence. */
export function tally(evidence: Evidence): Tally {
  const { submitted, results, leftOver, journals } = evidence;
  const byTask = new Map(results.map((result) => [result.task, result]));
  const problems: string[] = [];

  const lost = submitted.filter((task) => !byTask.has(task));
  for (const task of lost) {
    problems.push(`${task} was submitted and has no result.`);
  }
  for (const name of leftOver) {
    problems.push(`${name} is still waiting or assigned.`);
  }
  const known = new Set(submitted);
  for (const { task, outcome, message } of results) {
    if (!known.has(task)) {
      problems.push(`${task} has a result and was never submitted.`);
    } else if (outcome !== "done") {
      problems.push(`${task} failed: ${message ?? "no reason is recorded"}`);
    }
  }

  const twice = new Set<string>();
  for (const { task, rewritten } of results) {
    if (rewritten) {
      twice.add(task);
    }
  }
  for (const task of contradictedByJournals(byTask, journals, problems)) {
    twice.add(task);
  }
  for (const task of twice) {
    problems.push(`${task} was recorded more than once.`);
  }

  if (evidence.resultsRemoved > 0) {
    problems.push(`${evidence.resultsRemoved} recorded results were removed, and may have been recorded again.`);
  }

  return {
    submitted: submitted.length,
    recorded: submitted.length - lost.length,
    executions: journals.filter(({ event }) => event === "start").length,
    reassignments: results.reduce((sum, { attempt }) => sum + attempt - 1, 0),
    refused: journals.filter((entry) => entry.event === "report" && entry.outcome === "refused").length,
    lost: lost.length,
    recordedTwice: twice.size + evidence.resultsRemoved,
    problems,
  };
}

/**
 * Tasks of which a journal says that a report was recorded which is not the one in the tree: two were recorded, and one
 * overwrote the other. A report whose outcome a worker never learned (it was killed, or cut off) proves nothing; that the
 * execution in the tree was begun at all must be in a journal in any case.
 */
function contradictedByJournals(
  byTask: ReadonlyMap<string, RecordedResult>,
  journals: readonly JournalEntry[],
  problems: string[],
): Set<string> {
  const contradicted = new Set<string>();
  const finished = new Set<string>();
  for (const entry of journals) {
    const { worker, task, attempt } = entry;
    if (entry.event === "end" || entry.event === "failed") {
      finished.add(`${worker} ${task} ${attempt}`);
    }
    if (entry.event === "report" && entry.outcome === "recorded") {
      const result = byTask.get(task);
      if (result === undefined) {
        problems.push(`${worker} was told that its result of ${task} is recorded, and it is not there.`);
      } else if (result.worker !== worker || result.attempt !== attempt) {
        contradicted.add(task);
      }
    }
  }
  for (const { task, worker, attempt } of byTask.values()) {
    if (worker !== undefined && !finished.has(`${worker} ${task} ${attempt}`)) {
      problems.push(
        `${task} has a result of ${worker}, attempt ${attempt}, which that worker's journal does not know.`,
      );
    }
  }
  return contradicted;
}
