import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Action,
  decideAssignments,
  decideRepairs,
  freePlacesIn,
  type GroupView,
  type QueueView,
  type WorkerView,
} from "./decide.ts";
import { assignmentName, parseAssignmentName } from "./layout.ts";

const worker = (fields: Partial<WorkerView> = {}): WorkerView => ({
  czxid: 100n,
  version: 0,
  capacity: 2,
  backlog: 0,
  draining: false,
  ...fields,
});

function queue(names: readonly string[], since = 200n, foreign = 0): QueueView {
  const assignments = new Map(names.map((name) => [name, { ...parseAssignmentName(name)!, since }] as const));
  return { assignments, foreign };
}

function view(fields: {
  workers?: Record<string, WorkerView>;
  queues?: Record<string, QueueView>;
  waiting?: string[];
  finished?: string[];
}): GroupView {
  return {
    workers: new Map(Object.entries(fields.workers ?? {})),
    queues: new Map(Object.entries(fields.queues ?? {})),
    waiting: fields.waiting ?? [],
    finished: new Set(fields.finished),
  };
}

describe("decideRepairs", () => {
  const cases: { name: string; view: GroupView; actions: Action[] }[] = [
    {
      name: "nothing to do in a healthy group",
      view: view({ workers: { w1: worker() }, queues: { w1: queue(["a.1", "b.2"]) }, waiting: ["c"] }),
      actions: [],
    },
    {
      name: "a worker without a queue gets one",
      view: view({ workers: { w1: worker() } }),
      actions: [{ type: "createQueue", worker: "w1" }],
    },
    {
      name: "the assignments of a worker that is gone are orphans",
      view: view({ queues: { w1: queue(["a.1"]) } }),
      actions: [{ type: "reassign", worker: "w1", assignment: "a.1" }],
    },
    {
      name: "an assignment older than its worker's registration was an earlier process's",
      view: view({ workers: { w1: worker({ czxid: 300n }) }, queues: { w1: queue(["a.1"], 200n) } }),
      actions: [{ type: "reassign", worker: "w1", assignment: "a.1" }],
    },
    {
      name: "an empty queue without a worker goes",
      view: view({ queues: { w1: queue([]) } }),
      actions: [{ type: "removeQueue", worker: "w1" }],
    },
    {
      name: "a queue that holds a foreign node stays",
      view: view({ queues: { w1: queue([], 0n, 1) } }),
      actions: [],
    },
    {
      name: "a task that is over and still assigned is not run again, even if its worker is gone",
      view: view({ queues: { w1: queue(["a.1"]) }, finished: ["a"] }),
      actions: [
        {
          type: "drop",
          place: { in: "assign", worker: "w1", assignment: "a.1" },
          witness: { in: "status", task: "a" },
        },
      ],
    },
    {
      name: "a task that is over and still waits is not run again",
      view: view({ waiting: ["a"], finished: ["a"] }),
      actions: [{ type: "drop", place: { in: "tasks", task: "a" }, witness: { in: "status", task: "a" } }],
    },
    {
      name: "of a task that waits and is assigned, the assignment wins",
      view: view({ workers: { w1: worker() }, queues: { w1: queue(["a.1"]) }, waiting: ["a"] }),
      actions: [
        {
          type: "drop",
          place: { in: "tasks", task: "a" },
          witness: { in: "assign", worker: "w1", assignment: "a.1" },
        },
      ],
    },
    {
      name: "of two assignments of a task, the later attempt wins",
      view: view({
        workers: { w1: worker(), w2: worker() },
        queues: { w1: queue(["a.3"]), w2: queue(["a.2"]) },
      }),
      actions: [
        {
          type: "drop",
          place: { in: "assign", worker: "w2", assignment: "a.2" },
          witness: { in: "assign", worker: "w1", assignment: "a.3" },
        },
      ],
    },
  ];
  test.each(cases)("$name", ({ view, actions }) => {
    expect(decideRepairs(view)).toEqual(actions);
  });
});

describe("decideAssignments", () => {
  test("passes over tasks that repairs are about, and workers without a queue", () => {
    const group = view({
      workers: { w1: worker(), w2: worker() },
      queues: { w1: queue(["a.1"]) },
      waiting: ["a", "b", "c", "d"],
      finished: ["b"],
    });
    expect(freePlacesIn(group)).toBe(1);
    expect(decideAssignments(group)).toEqual([{ type: "assign", task: "c", worker: "w1" }]);
  });
});

describe("convergence", () => {
  // A group in any state, however it came about: tasks in several places, workers gone, queues missing.
  const taskName = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const workerName = fc.constantFrom("w1", "w2", "w3");
  const groupArbitrary = fc.record({
    workers: fc.dictionary(workerName, fc.record({ czxid: fc.bigInt(1n, 9n), draining: fc.boolean() })),
    queues: fc.dictionary(
      workerName,
      fc.uniqueArray(fc.record({ task: taskName, attempt: fc.integer({ min: 1, max: 3 }), since: fc.bigInt(1n, 9n) }), {
        selector: ({ task, attempt }) => `${task}.${attempt}`,
        maxLength: 5,
      }),
    ),
    waiting: fc.uniqueArray(taskName, { maxLength: 6 }),
    finished: fc.uniqueArray(taskName, { maxLength: 3 }),
  });

  test("from any state, repairs end, and leave every task in exactly one place; no task is ever lost on the way", () => {
    fc.assert(
      fc.property(groupArbitrary, (group) => {
        const state = new Model(group);
        const tasks = state.tasks();
        for (let round = 0; ; round++) {
          expect(round).toBeLessThan(10);
          const actions = decideRepairs(state.view());
          if (actions.length === 0) break;
          for (const action of actions) {
            state.perform(action);
            expect(state.tasks()).toEqual(tasks);
          }
        }
        for (const task of tasks) expect(state.placesOf(task)).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });
});

/** A toy server that performs actions as their multis would: all or nothing, proof included. */
class Model {
  readonly #workers: Map<string, WorkerView>;
  readonly #queues: Map<string, Map<string, bigint>>;
  readonly #waiting: Set<string>;
  readonly #finished: Set<string>;
  #zxid = 10n;

  constructor(group: {
    workers: Record<string, { czxid: bigint; draining: boolean }>;
    queues: Record<string, { task: string; attempt: number; since: bigint }[]>;
    waiting: string[];
    finished: string[];
  }) {
    this.#workers = new Map(Object.entries(group.workers).map(([id, fields]) => [id, worker(fields)]));
    this.#queues = new Map(
      Object.entries(group.queues).map(([id, entries]) => [
        id,
        new Map(entries.map(({ task, attempt, since }) => [assignmentName(task, attempt), since])),
      ]),
    );
    this.#waiting = new Set(group.waiting);
    this.#finished = new Set(group.finished);
  }

  view(): GroupView {
    const queues = new Map<string, QueueView>();
    for (const [id, names] of this.#queues) {
      const assignments = new Map(
        [...names].map(([name, since]) => [name, { ...parseAssignmentName(name)!, since }] as const),
      );
      queues.set(id, { assignments, foreign: 0 });
    }
    return { workers: this.#workers, queues, waiting: [...this.#waiting], finished: this.#finished };
  }

  placesOf(task: string): string[] {
    const places = [];
    if (this.#waiting.has(task)) places.push("tasks");
    if (this.#finished.has(task)) places.push("status");
    for (const [id, names] of this.#queues) {
      for (const name of names.keys()) if (parseAssignmentName(name)!.task === task) places.push(`${id}/${name}`);
    }
    return places;
  }

  tasks(): string[] {
    return ["a", "b", "c", "d", "e", "f"].filter((task) => this.placesOf(task).length > 0);
  }

  perform(action: Action): void {
    this.#zxid += 1n;
    switch (action.type) {
      case "createQueue":
        if (!this.#queues.has(action.worker)) this.#queues.set(action.worker, new Map());
        return;
      case "removeQueue":
        if (this.#queues.get(action.worker)?.size === 0) this.#queues.delete(action.worker);
        return;
      case "reassign": {
        const { task } = parseAssignmentName(action.assignment)!;
        const names = this.#queues.get(action.worker);
        if (!names?.has(action.assignment) || this.#waiting.has(task)) return;
        names.delete(action.assignment);
        this.#waiting.add(task);
        return;
      }
      case "drop": {
        const { place, witness } = action;
        if (witness.in === "status" && !this.#finished.has(witness.task)) return;
        if (witness.in === "assign" && !this.#queues.get(witness.worker)?.has(witness.assignment)) return;
        if (place.in === "tasks") this.#waiting.delete(place.task);
        if (place.in === "assign") this.#queues.get(place.worker)?.delete(place.assignment);
        return;
      }
      case "assign":
        throw new Error("repairs assign nothing");
    }
  }
}
