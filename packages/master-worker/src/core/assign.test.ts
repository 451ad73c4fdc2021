import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assign, freePlaces, type WorkerLoad } from "./assign.ts";

const workersArbitrary = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^w[0-9]{1,3}$/),
    capacity: fc.integer({ min: 1, max: 6 }),
    backlog: fc.integer({ min: 0, max: 4 }),
    draining: fc.boolean(),
    assigned: fc.integer({ min: 0, max: 12 }),
  }),
  { selector: (worker) => worker.id, maxLength: 8 },
);
const tasksArbitrary = fc.uniqueArray(fc.stringMatching(/^task-[0-9a-f]{1,4}$/), { maxLength: 60, size: "max" });

describe("assign", () => {
  test("gives tasks to the least loaded worker for its capacity, smaller id first", () => {
    const workers = [
      { id: "big", capacity: 4, backlog: 0, draining: false, assigned: 1 },
      { id: "small", capacity: 1, backlog: 1, draining: false, assigned: 0 },
    ];
    expect(assign(["a", "b", "c", "d", "e", "f"], workers)).toEqual([
      { task: "a", worker: "small" }, // 0/1 against 1/4
      { task: "b", worker: "big" }, // 1/1 against 1/4
      { task: "c", worker: "big" },
      { task: "d", worker: "big" },
      { task: "e", worker: "small" }, // big is full, so small fills its backlog
    ]);
  });

  test("never to an absent or draining worker, never above capacity, no task twice", () => {
    fc.assert(
      fc.property(tasksArbitrary, workersArbitrary, (tasks, workers) => {
        const placements = assign(tasks, workers);
        const given = new Map<string, number>();
        for (const { worker } of placements) given.set(worker, (given.get(worker) ?? 0) + 1);
        for (const [id, count] of given) {
          const worker = workers.find((candidate) => candidate.id === id);
          expect(worker?.draining).toBe(false);
          expect(count).toBeLessThanOrEqual(freePlaces(worker!));
        }
        expect(new Set(placements.map(({ task }) => task)).size).toBe(placements.length);
      }),
    );
  });

  test("assigns everything while places are free, in the order given", () => {
    fc.assert(
      fc.property(tasksArbitrary, workersArbitrary, (tasks, workers) => {
        const places = workers.reduce((sum, worker) => sum + freePlaces(worker), 0);
        expect(assign(tasks, workers).map(({ task }) => task)).toEqual(tasks.slice(0, places));
      }),
    );
  });

  test("each choice is a least loaded worker at that moment", () => {
    fc.assert(
      fc.property(tasksArbitrary, workersArbitrary, (tasks, workers) => {
        const now: WorkerLoad[] = workers.map((worker) => ({ ...worker }));
        for (const { worker: id } of assign(tasks, workers)) {
          const chosen = now.findIndex((worker) => worker.id === id);
          const load = now[chosen]!.assigned / now[chosen]!.capacity;
          for (const other of now) {
            if (freePlaces(other) > 0) expect(load).toBeLessThanOrEqual(other.assigned / other.capacity);
          }
          now[chosen] = { ...now[chosen]!, assigned: now[chosen]!.assigned + 1 };
        }
      }),
    );
  });

  test("does not depend on the order in which workers are listed, and changes nothing it was given", () => {
    fc.assert(
      fc.property(tasksArbitrary, workersArbitrary, (tasks, workers) => {
        const before = JSON.stringify(workers);
        expect(assign(tasks, [...workers].reverse())).toEqual(assign(tasks, workers));
        expect(JSON.stringify(workers)).toBe(before);
      }),
    );
  });
});
