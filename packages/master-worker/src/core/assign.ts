/**
 * Who gets which waiting task. Pure: the same view gives the same answer on every master.
 *
 * Invariants (property tests in assign.test.ts): never to a worker that is draining or not in the view, never more than
 * `capacity + backlog` to one worker, no task twice, every task as long as a place is free, tasks in the order given,
 * each to the worker that is then the least loaded.
 */

/** What matters of a worker here. */
export interface WorkerLoad {
  readonly id: string;
  /** Tasks it runs at once, ≥ 1. */
  readonly capacity: number;
  /** Tasks it may hold besides, so that it has the next one at hand when one is done, ≥ 0. */
  readonly backlog: number;
  /** It finishes what it has and takes nothing more. */
  readonly draining: boolean;
  /** Assignments it holds now. */
  readonly assigned: number;
}

/** One decision. */
export interface Placement {
  readonly task: string;
  readonly worker: string;
}

/** How many more assignments `worker` takes. */
export function freePlaces(worker: WorkerLoad): number {
  return worker.draining ? 0 : Math.max(0, worker.capacity + worker.backlog - worker.assigned);
}

/** Gives each waiting task, in order, to the worker with the least load for its capacity; ties go to the smaller id. */
export function assign(waiting: readonly string[], workers: readonly WorkerLoad[]): Placement[] {
  const open = workers.filter((worker) => freePlaces(worker) > 0).map((worker) => ({ ...worker }));
  const placements: Placement[] = [];
  for (const task of waiting) {
    // A scan, not a heap: there are never more rounds than free places, which is what workers announce, not tasks.
    let best = -1;
    for (let i = 0; i < open.length; i++) {
      if (best < 0 || isLessLoaded(open[i]!, open[best]!)) best = i;
    }
    const chosen = open[best];
    if (chosen === undefined) break;
    placements.push({ task, worker: chosen.id });
    chosen.assigned += 1;
    if (freePlaces(chosen) === 0) open.splice(best, 1);
  }
  return placements;
}

function isLessLoaded(a: WorkerLoad, b: WorkerLoad): boolean {
  const left = a.assigned * b.capacity;
  const right = b.assigned * a.capacity;
  return left < right || (left === right && a.id < b.id);
}
