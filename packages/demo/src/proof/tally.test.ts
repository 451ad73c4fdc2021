import { expect, it } from "vitest";
import type { JournalEntry } from "./journal.ts";
import { type Evidence, type RecordedResult, tally } from "./tally.ts";

/** Lines of an execution that went through: `worker` did `task` for the `attempt`th time. */
function execution(worker: string, task: string, attempt: number, outcome?: "recorded" | "refused" | "unknown") {
  const stamp = { worker, task, attempt, atMs: 0 };
  const entries: JournalEntry[] = [
    { ...stamp, event: "start" },
    { ...stamp, event: "end" },
  ];
  return outcome === undefined ? entries : [...entries, { ...stamp, event: "report", outcome } as const];
}

const result = (task: string, worker: string, attempt: number): RecordedResult => ({
  task,
  outcome: "done",
  worker,
  attempt,
  rewritten: false,
  message: undefined,
});

const sound: Evidence = {
  submitted: ["t1", "t2"],
  results: [result("t1", "w1", 1), result("t2", "w2", 2)],
  leftOver: [],
  resultsRemoved: 0,
  journals: [
    ...execution("w1", "t1", 1, "recorded"),
    ...execution("w1", "t2", 1, "refused"),
    ...execution("w2", "t2", 2, "recorded"),
  ],
};

it("sums up a sound run", () => {
  expect(tally(sound)).toEqual({
    submitted: 2,
    recorded: 2,
    executions: 3,
    reassignments: 1,
    refused: 1,
    lost: 0,
    recordedTwice: 0,
    problems: [],
  });
});

it("believes a worker that was killed before it learned what became of its report", () => {
  const journals = [...execution("w1", "t1", 1), ...execution("w2", "t2", 2, "unknown")];
  expect(tally({ ...sound, journals }).problems).toEqual([]);
});

it.each<
  [what: string, change: Partial<Evidence>, expected: { lost?: number; recordedTwice?: number }, problem: RegExp]
>([
  ["a missing result", { results: [result("t1", "w1", 1)] }, { lost: 1 }, /t2 was submitted and has no result/],
  ["a task left behind", { leftOver: ["/tasks/t2"] }, {}, /\/tasks\/t2 is still waiting or assigned/],
  [
    "a rewritten result",
    { results: [{ ...result("t1", "w1", 1), rewritten: true }, result("t2", "w2", 2)] },
    { recordedTwice: 1 },
    /t1 was recorded more than once/,
  ],
  ["a result made anew", { resultsRemoved: 1 }, { recordedTwice: 1 }, /1 recorded results were removed/],
  [
    "two accepted reports",
    { journals: [...sound.journals, ...execution("w3", "t1", 2, "recorded")] },
    { recordedTwice: 1 },
    /t1 was recorded more than once/,
  ],
  [
    "an accepted report of an earlier attempt of the same worker",
    {
      results: [result("t1", "w1", 2), result("t2", "w2", 2)],
      journals: [...sound.journals, ...execution("w1", "t1", 2)],
    },
    { recordedTwice: 1 },
    /t1 was recorded more than once/,
  ],
  [
    "a result nobody worked for",
    { journals: execution("w1", "t1", 1, "recorded") },
    {},
    /t2 has a result of w2, attempt 2, which that worker's journal does not know/,
  ],
  ["a result nobody asked for", { submitted: ["t1"] }, {}, /t2 has a result and was never submitted/],
  [
    "a failed task",
    { results: [{ ...result("t1", "w1", 1), outcome: "failed", message: "no" }, result("t2", "w2", 2)] },
    {},
    /t1 failed: no/,
  ],
  [
    "an accepted report that is not there",
    { submitted: [], results: [], journals: execution("w1", "t1", 1, "recorded") },
    {},
    /was told that its result of t1 is recorded, and it is not there/,
  ],
])("finds %s", (_, change, expected, problem) => {
  const found = tally({ ...sound, ...change });
  expect(found).toMatchObject({ lost: 0, recordedTwice: 0, ...expected });
  expect(found.problems.join("\n")).toMatch(problem);
});
