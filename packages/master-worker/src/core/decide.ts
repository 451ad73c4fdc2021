/**
 * What a master does about the tree it sees. Pure: view in, actions out; the shell performs them, re-reads, asks again.
 *
 * A view is only ever what was true a moment ago, so no action relies on it. Each one is a single multi that carries its
 * own proof: the epoch, and, wherever a node goes, another node of the same task that stays or comes (a `witness`).
 * So whatever happens in between, a task is never in no place at all: the action fails and the next view tells why.
 */
import { assign, freePlaces, type WorkerLoad } from "./assign.ts";

/** A registered worker. */
export interface WorkerView {
  /** When it registered. An assignment older than that belongs to an earlier process of the same id. */
  readonly czxid: bigint;
  /** Of its record; an assignment is made only if it has not changed, so that a draining worker gets nothing more. */
  readonly version: number;
  readonly capacity: number;
  readonly backlog: number;
  readonly draining: boolean;
}

/** A node under a worker's queue. */
export interface AssignmentView {
  readonly task: string;
  readonly attempt: number;
  /** It was created after this zxid. */
  readonly since: bigint;
}

/** The children of `/assign/<worker>`. */
export interface QueueView {
  /** By node name. */
  readonly assignments: ReadonlyMap<string, AssignmentView>;
  /** Nodes in it whose names are not ours. They are left alone, and keep the queue from being removed. */
  readonly foreign: number;
}

/** What a master knows of its group. */
export interface GroupView {
  readonly workers: ReadonlyMap<string, WorkerView>;
  /** By worker, also of workers that are gone. */
  readonly queues: ReadonlyMap<string, QueueView>;
  /** Names of the waiting tasks, in the order in which they are to be handed out. */
  readonly waiting: readonly string[];
  /** Tasks that have a result, as far as known: a new master knows them all, later ones are not followed. */
  readonly finished: ReadonlySet<string>;
}

/** A node of a task. */
export type Place =
  | { readonly in: "tasks"; readonly task: string }
  | { readonly in: "assign"; readonly worker: string; readonly assignment: string }
  | { readonly in: "status"; readonly task: string };

/** One multi to be made. */
export type Action =
  /** A worker that has no queue needs one. */
  | { readonly type: "createQueue"; readonly worker: string }
  /** An empty queue whose worker is gone. */
  | { readonly type: "removeQueue"; readonly worker: string }
  /** A node too many: removed, provided that `witness` exists. */
  | { readonly type: "drop"; readonly place: Place; readonly witness: Place }
  /** Back to the waiting tasks, or to `/status` as failed when it was tried too often. */
  | { readonly type: "reassign"; readonly worker: string; readonly assignment: string }
  | { readonly type: "assign"; readonly task: string; readonly worker: string };

/** What must be put right before (and while) tasks are assigned. Nothing to repair: an empty list. */
export function decideRepairs(view: GroupView): Action[] {
  const actions: Action[] = [];
  const newest = newestAssignments(view);
  for (const worker of view.workers.keys()) {
    if (!view.queues.has(worker)) actions.push({ type: "createQueue", worker });
  }
  for (const [worker, queue] of view.queues) {
    const registration = view.workers.get(worker);
    if (registration === undefined && queue.assignments.size === 0 && queue.foreign === 0) {
      actions.push({ type: "removeQueue", worker });
    }
    for (const [assignment, { task, since }] of queue.assignments) {
      const place: Place = { in: "assign", worker, assignment };
      const keeper = newest.get(task)!;
      if (view.finished.has(task)) {
        actions.push({ type: "drop", place, witness: { in: "status", task } });
      } else if (keeper.worker !== worker || keeper.assignment !== assignment) {
        actions.push({ type: "drop", place, witness: placeOf(keeper) });
      } else if (registration === undefined || since < registration.czxid) {
        actions.push({ type: "reassign", worker, assignment });
      }
    }
  }
  for (const task of view.waiting) {
    const place: Place = { in: "tasks", task };
    const keeper = newest.get(task);
    if (view.finished.has(task)) actions.push({ type: "drop", place, witness: { in: "status", task } });
    else if (keeper !== undefined) actions.push({ type: "drop", place, witness: placeOf(keeper) });
  }
  return actions;
}

/** Which waiting tasks go to whom. Tasks that `decideRepairs` still has something to say about are passed over. */
export function decideAssignments(view: GroupView): Action[] {
  const taken = newestAssignments(view);
  const waiting = view.waiting.filter((task) => !taken.has(task) && !view.finished.has(task));
  return assign(waiting, workerLoads(view)).map((placement) => ({ type: "assign", ...placement }));
}

/** How many more assignments the group takes now. */
export function freePlacesIn(view: GroupView): number {
  return workerLoads(view).reduce((sum, worker) => sum + freePlaces(worker), 0);
}

/** Workers that can be given something: registered, and with a queue. */
function workerLoads(view: GroupView): WorkerLoad[] {
  const loads: WorkerLoad[] = [];
  for (const [id, { capacity, backlog, draining }] of view.workers) {
    const queue = view.queues.get(id);
    if (queue === undefined) continue;
    loads.push({ id, capacity, backlog, draining, assigned: queue.assignments.size });
  }
  return loads;
}

interface Keeper {
  readonly worker: string;
  readonly assignment: string;
  readonly attempt: number;
}

function placeOf({ worker, assignment }: Keeper): Place {
  return { in: "assign", worker, assignment };
}

/** Of each assigned task the node that counts: the highest attempt. Others can only come from foreign or older writers. */
function newestAssignments(view: GroupView): Map<string, Keeper> {
  const newest = new Map<string, Keeper>();
  for (const [worker, queue] of view.queues) {
    for (const [assignment, { task, attempt }] of queue.assignments) {
      const other = newest.get(task);
      if (other === undefined || attempt > other.attempt || (attempt === other.attempt && worker > other.worker)) {
        newest.set(task, { worker, assignment, attempt });
      }
    }
  }
  return newest;
}
