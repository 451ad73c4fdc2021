/**
 * Turns each action of the core into its one multi, and tells what came of it. A refused multi is information: the tree
 * has changed, so look again. A lost reply is information too: look again; doing the same twice is refused the second time.
 */
import { type Client, isCoordinationError, isInterruption, type Stat, type Transaction } from "@corral/client";
import { assertNever } from "../core/assert.ts";
import type { Action, Place, WorkerView } from "../core/decide.ts";
import { assignmentName, hex, type Layout, parseAssignmentName } from "../core/layout.ts";
import {
  type Decoded,
  decodeTask,
  encodeStatus,
  encodeTask,
  type TaskFailure,
  type TaskRecord,
} from "../core/payloads.ts";
import type { Quarantined } from "./group-mirror.ts";
import { guardedTransaction, isRefused, isStaleEpoch } from "./guarded.ts";

/** What came of an action. */
export type ActionResult =
  /** The multi was applied. */
  | { readonly outcome: "applied" }
  | { readonly outcome: "assigned"; readonly task: string; readonly worker: string; readonly attempt: number }
  | { readonly outcome: "reassigned"; readonly task: string; readonly worker: string }
  /** The task was ended without a worker's result. */
  | { readonly outcome: "buried"; readonly task: string; readonly attempts: number; readonly error: TaskFailure }
  /** The tree is no longer as the action supposed: nothing was changed. */
  | { readonly outcome: "outdated" }
  /** The assignment turned out to be younger than its worker's registration. */
  | { readonly outcome: "younger"; readonly czxid: bigint }
  /** The reply was lost; it may or may not have happened. */
  | { readonly outcome: "unknown" }
  /** The node is not one to touch. */
  | { readonly outcome: "quarantine"; readonly node: Quarantined }
  /** Nothing was sent: this master may not write at the moment. */
  | { readonly outcome: "held" }
  /** A later master exists: refused at the epoch check. */
  | { readonly outcome: "stale"; readonly path: string };

/** What performing needs. */
export interface PerformerOptions {
  readonly client: Client;
  readonly layout: Layout;
  /** The master's id, for results that it records itself. */
  readonly id: string;
  readonly epoch: number;
  readonly attemptsMax: number;
  /** Asked immediately before each write: whether this master may still believe that it is one. */
  readonly mayWrite: () => boolean;
}

interface StoredTask {
  readonly stat: Stat;
  readonly record: Decoded<TaskRecord>;
}

/** Performs the actions of one tenure. */
export class ActionPerformer {
  readonly #options: PerformerOptions;

  constructor(options: PerformerOptions) {
    this.#options = options;
  }

  /**
   * Performs `action`; `worker` is the registration that it was decided on, if any. `signal` ends reads early, not a
   * write. Rejects only for what nobody expects.
   */
  async perform(action: Action, worker: WorkerView | undefined, signal: AbortSignal): Promise<ActionResult> {
    try {
      switch (action.type) {
        case "createQueue":
          return await this.#createQueue(action.worker);
        case "removeQueue":
          return await this.#removeQueue(action.worker);
        case "drop":
          return await this.#drop(action.place, action.witness);
        case "reassign":
          return await this.#reassign(action.worker, action.assignment, worker, signal);
        case "assign":
          if (worker === undefined) return { outcome: "outdated" };
          return await this.#assign(action.task, action.worker, worker, signal);
        default:
          return assertNever(action);
      }
    } catch (error) {
      if (isStaleEpoch(error)) return { outcome: "stale", path: this.#pathOf(action) };
      if (isRefused(error) || isCoordinationError(error, "NoNode")) return { outcome: "outdated" };
      if (isInterruption(error)) return { outcome: "unknown" };
      throw error;
    }
  }

  #createQueue(worker: string): Promise<ActionResult> {
    const { layout } = this.#options;
    return this.#commit((t) => t.check(layout.worker(worker)).create(layout.queue(worker)));
  }

  #removeQueue(worker: string): Promise<ActionResult> {
    // NotEmpty if an assignment has slipped in; and if the worker has just come back, its queue is made again.
    return this.#commit((t) => t.delete(this.#options.layout.queue(worker)));
  }

  #drop(place: Place, witness: Place): Promise<ActionResult> {
    return this.#commit((t) => t.check(this.#placePath(witness)).delete(this.#placePath(place)));
  }

  async #assign(task: string, worker: string, registration: WorkerView, signal: AbortSignal): Promise<ActionResult> {
    const { layout, attemptsMax } = this.#options;
    const path = layout.task(task);
    const { stat, record } = await this.#read(path, signal);
    if (!record.ok && record.problem === "newer") return quarantine(path, record);
    if (!record.ok) return await this.#bury(task, 0, unreadable(record.detail), path, stat.version);
    if (record.value.attempts >= attemptsMax) {
      return await this.#bury(task, record.value.attempts, tooOften(record.value.attempts), path, stat.version);
    }
    const attempt = record.value.attempts + 1;
    const result = await this.#commit((t) =>
      t
        .check(layout.worker(worker), { version: registration.version })
        .create(
          layout.assignment(worker, assignmentName(task, attempt)),
          encodeTask({ ...record.value, attempts: attempt }),
        )
        .delete(path, { version: stat.version }),
    );
    return result.outcome === "applied" ? { outcome: "assigned", task, worker, attempt } : result;
  }

  async #reassign(
    worker: string,
    name: string,
    registration: WorkerView | undefined,
    signal: AbortSignal,
  ): Promise<ActionResult> {
    const { client, layout, attemptsMax } = this.#options;
    const parts = parseAssignmentName(name);
    if (parts === undefined) return { outcome: "outdated" };
    const { task, attempt } = parts;
    const path = layout.assignment(worker, name);
    const [{ stat, record }, finished] = await Promise.all([
      this.#read(path, signal),
      client.exists(layout.statusOf(task), { signal }),
    ]);
    if (registration !== undefined && stat.czxid > registration.czxid) return { outcome: "younger", czxid: stat.czxid };
    if (finished !== undefined)
      return await this.#drop({ in: "assign", worker, assignment: name }, { in: "status", task });
    if (!record.ok && record.problem === "newer") return quarantine(path, record);
    if (!record.ok) return await this.#bury(task, attempt, unreadable(record.detail), path, stat.version);
    if (attempt >= attemptsMax) return await this.#bury(task, attempt, tooOften(attempt), path, stat.version);
    // The name, not the record, says which attempt this was.
    const returned = encodeTask({ ...record.value, attempts: attempt });
    const result = await this.#commit((t) => t.delete(path).create(layout.task(task), returned));
    return result.outcome === "applied" ? { outcome: "reassigned", task, worker } : result;
  }

  /** Ends a task that no worker is to have: recorded as failed, so that whoever waits for it learns why. */
  async #bury(
    task: string,
    attempts: number,
    error: TaskFailure,
    path: string,
    version: number,
  ): Promise<ActionResult> {
    const { client, layout, id } = this.#options;
    const guid = hex(client.random.bytes(16));
    const status = encodeStatus({
      kind: "failed",
      attempt: attempts,
      by: id,
      guid,
      atMs: client.clock.wallMs(),
      error,
    });
    try {
      const result = await this.#commit((t) => t.create(layout.statusOf(task), status).delete(path, { version }));
      return result.outcome === "applied" ? { outcome: "buried", task, attempts, error } : result;
    } catch (refusal) {
      if (!isRefused(refusal) || refusal.code !== "NodeExists") throw refusal;
      // It is over already, and no result is ever overwritten: only the node is left to remove.
      return await this.#commit((t) => t.check(layout.statusOf(task)).delete(path, { version }));
    }
  }

  async #read(path: string, signal: AbortSignal): Promise<StoredTask> {
    const { data, stat } = await this.#options.client.get(path, { signal });
    return { stat, record: decodeTask(data) };
  }

  async #commit(build: (transaction: Transaction) => Transaction): Promise<ActionResult> {
    const { client, layout, epoch, mayWrite } = this.#options;
    const transaction = build(guardedTransaction(client, layout, epoch));
    if (!mayWrite()) return { outcome: "held" };
    // No signal: what has been sent is followed to its outcome.
    await transaction.commit();
    return { outcome: "applied" };
  }

  #placePath(place: Place): string {
    const { layout } = this.#options;
    switch (place.in) {
      case "tasks":
        return layout.task(place.task);
      case "assign":
        return layout.assignment(place.worker, place.assignment);
      case "status":
        return layout.statusOf(place.task);
      default:
        return assertNever(place);
    }
  }

  #pathOf(action: Action): string {
    const { layout } = this.#options;
    if (action.type === "drop") return this.#placePath(action.place);
    if (action.type === "reassign") return layout.assignment(action.worker, action.assignment);
    return action.type === "assign" ? layout.task(action.task) : layout.queue(action.worker);
  }
}

function quarantine(
  path: string,
  record: { readonly problem: "malformed" | "newer"; readonly detail: string },
): ActionResult {
  return { outcome: "quarantine", node: { path, problem: record.problem, detail: record.detail } };
}

function unreadable(detail: string): TaskFailure {
  return { name: "MalformedTaskError", message: `The task cannot be read: ${detail}.` };
}

function tooOften(attempts: number): TaskFailure {
  return {
    name: "AttemptsExhaustedError",
    message: `The task was started ${attempts} times, and each time its worker was gone before there was a result.`,
  };
}
