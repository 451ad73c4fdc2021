/**
 * Where everything lives, and what the names mean. Only names and paths: no reading, no writing.
 *
 *   <root>/master                          ephemeral: the active master's id and GUID
 *   <root>/epoch                           never deleted; its version grows by one with each election
 *   <root>/workers/<worker>                ephemeral: one per live worker
 *   <root>/tasks/<task>                    waiting for a worker
 *   <root>/assign/<worker>/<task>.<attempt>  given to a worker: that worker's queue
 *   <root>/status/<task>                   over: the one recorded result
 *
 * A task is in one of the last three. The attempt is part of the assignment's *name*: a task that comes back to the
 * worker that had it before gets a new node, so a report about the earlier attempt finds its own node gone.
 */
import { nameLengthMax } from "./limits.ts";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
const attemptPattern = /^[1-9][0-9]{0,8}$/;

/** What an assignment's name says. */
export interface AssignmentName {
  readonly task: string;
  /** 1 for the first time that the task is given to a worker. */
  readonly attempt: number;
}

/** The paths of one group of masters, workers and clients. Groups with different roots do not see each other. */
export class Layout {
  /** The path under which the group lives, `/` for the top of the tree. */
  readonly root: string;
  readonly master: string;
  readonly epoch: string;
  readonly workers: string;
  readonly tasks: string;
  readonly assign: string;
  readonly status: string;

  /** Throws a TypeError if `root` is not an absolute path. */
  constructor(root = "/") {
    if (!/^\/(?:[^/]+(?:\/[^/]+)*)?$/.test(root)) {
      throw new TypeError(`The root ${JSON.stringify(root)} must be an absolute path, such as / or /jobs/nightly.`);
    }
    const prefix = root === "/" ? "" : root;
    this.root = root;
    this.master = `${prefix}/master`;
    this.epoch = `${prefix}/epoch`;
    this.workers = `${prefix}/workers`;
    this.tasks = `${prefix}/tasks`;
    this.assign = `${prefix}/assign`;
    this.status = `${prefix}/status`;
  }

  /** The persistent nodes that everybody needs and anybody may create, parents first. */
  get skeleton(): readonly string[] {
    return [this.epoch, this.workers, this.tasks, this.assign, this.status];
  }

  worker(worker: string): string {
    return `${this.workers}/${worker}`;
  }

  task(task: string): string {
    return `${this.tasks}/${task}`;
  }

  /** The queue of a worker: the parent of its assignments. */
  queue(worker: string): string {
    return `${this.assign}/${worker}`;
  }

  assignment(worker: string, assignment: string): string {
    return `${this.assign}/${worker}/${assignment}`;
  }

  statusOf(task: string): string {
    return `${this.status}/${task}`;
  }
}

/** Whether `name` may name a task, a worker or a master: letters, digits, `-` and `_`; no dot, for that parts the attempt. */
export function isName(name: string): boolean {
  return name.length <= nameLengthMax && namePattern.test(name);
}

/** Throws a TypeError that says what is wrong, unless `name` may name `what`. */
export function requireName(what: string, name: string): void {
  if (isName(name)) return;
  throw new TypeError(
    `${what} ${JSON.stringify(name)} must be 1 to ${nameLengthMax} letters, digits, '-' or '_', the first a letter or digit.`,
  );
}

/** The name of the node by which a worker holds `task` for the `attempt`th time. */
export function assignmentName(task: string, attempt: number): string {
  return `${task}.${attempt}`;
}

/** The parts of an assignment's name, or `undefined` for a node that is none of ours. */
export function parseAssignmentName(name: string): AssignmentName | undefined {
  const dot = name.lastIndexOf(".");
  if (dot < 0) return undefined;
  const task = name.slice(0, dot);
  const attempt = name.slice(dot + 1);
  if (!isName(task) || !attemptPattern.test(attempt)) return undefined;
  return { task, attempt: Number(attempt) };
}

/**
 * A name for a new task: unique by 80 random bits, and sorting roughly by the time of submission (by the submitters'
 * own clocks), which is the order in which waiting tasks are handed out. Deliberately not a sequential node: a create
 * whose outcome is unknown can be tried again under the same name without making a second task.
 */
export function newTaskName(wallMs: number, random: Uint8Array): string {
  const time = Math.max(0, Math.floor(wallMs)).toString(16).padStart(12, "0");
  return `task-${time}${hex(random.subarray(0, 10))}`;
}

/** Lower-case hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  let digits = "";
  for (const byte of bytes) digits += byte.toString(16).padStart(2, "0");
  return digits;
}
