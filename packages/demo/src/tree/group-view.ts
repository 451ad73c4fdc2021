/**
 * What can be seen of the group in the server's tree, as plain data, and questions about it. Nothing here knows how it
 * was read; `observe.ts` reads it.
 */

/** An assignment: a task in a worker's queue. */
export interface Assignment {
  readonly task: string;
  /** 1 for the first time that the task was given to a worker. */
  readonly attempt: number;
}

/** One look at the group. Read in the order /tasks, /assign, /status, so a task on its way appears at least once. */
export interface GroupView {
  /** The active master's id; undefined while there is none. */
  readonly primary: string | undefined;
  /** Grows by one with each election; 0 before the first. */
  readonly epoch: number;
  /** Ids of the registered workers, ascending. */
  readonly workers: readonly string[];
  /** Names of the tasks that wait for a worker. */
  readonly waiting: ReadonlySet<string>;
  /** What each worker's queue holds, also of workers that are gone. Tasks that have a result are not in here. */
  readonly queues: ReadonlyMap<string, readonly Assignment[]>;
  /** Names of the tasks that have a result. */
  readonly done: ReadonlySet<string>;
}

/** Before anything was seen. */
export const emptyView: GroupView = {
  primary: undefined,
  epoch: 0,
  workers: [],
  waiting: new Set(),
  queues: new Map(),
  done: new Set(),
};

/** A view from what the reads gave: what is seen in two places (the reads are not one transaction) counts as the later. */
export function settle(seen: GroupView): GroupView {
  const queues = new Map<string, readonly Assignment[]>();
  const assigned = new Set<string>();
  for (const [worker, queue] of seen.queues) {
    const open = queue.filter(({ task }) => !seen.done.has(task));
    queues.set(worker, open);
    for (const { task } of open) {
      assigned.add(task);
    }
  }
  const waiting = new Set([...seen.waiting].filter((task) => !assigned.has(task) && !seen.done.has(task)));
  return { ...seen, queues, waiting };
}

/** How many tasks are assigned, to anyone. */
export function assignedCount(view: GroupView): number {
  return [...view.queues.values()].reduce((sum, queue) => sum + queue.length, 0);
}

/** What a kill must find, so that it proves something. */
export interface KillCondition {
  readonly submitted: number;
  /** Whether work is assigned. */
  readonly assigned: number;
  readonly unfinished: number;
  /** Tasks are assigned, and at least a third is unfinished. */
  readonly met: boolean;
}

/** Whether a kill would land in the middle of the work, of which `submitted` tasks are the whole. */
export function killCondition(view: GroupView, submitted: number): KillCondition {
  return conditionOf({ submitted, assigned: assignedCount(view), done: view.done.size });
}

/** The same from numbers of tasks. */
export function conditionOf(tasks: { submitted: number; assigned: number; done: number }): KillCondition {
  const { submitted, assigned, done } = tasks;
  const unfinished = submitted - done;
  return { submitted, assigned, unfinished, met: assigned > 0 && unfinished * 3 >= submitted };
}
