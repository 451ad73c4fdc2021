/**
 * Runs accepted assignments, at most `capacity` at once, in the order in which they came, and reports what they come to.
 * It outlives registrations: a task that does not stop when told to still takes up its place.
 */
import type { Client } from "@corral/client";
import { hex, type Layout } from "../core/layout.ts";
import { TaskStoppedError } from "./errors.ts";
import type { Announcer, WorkerEvents } from "./events.ts";
import type { Execution, TaskFunction } from "./execution.ts";
import { report } from "./report.ts";

/** What running needs. */
export interface AssignmentRunnerOptions {
  readonly client: Client;
  readonly layout: Layout;
  readonly worker: string;
  readonly capacity: number;
  readonly work: TaskFunction;
  readonly announcer: Announcer<WorkerEvents>;
  /** Aborts when reports are to wait for the server no longer. */
  readonly cut: AbortSignal;
  /** A place has become free. */
  readonly onSettled: () => void;
}

/** The places of one worker. */
export class AssignmentRunner {
  readonly #options: AssignmentRunnerOptions;
  readonly #waiting: Execution[] = [];
  readonly #running = new Map<Execution, Promise<void>>();

  constructor(options: AssignmentRunnerOptions) {
    this.#options = options;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Runs `execution` as soon as there is a place. */
  add(execution: Execution): void {
    this.#waiting.push(execution);
    this.#fill();
  }

  /** Stops whatever is not among the assignments with these names: they have been taken away. */
  stopAllBut(assigned: ReadonlySet<string>): void {
    const reason = new TaskStoppedError("reassigned", "The assignment is gone: reassigned or cancelled.");
    this.#stop((execution) => !assigned.has(execution.assignment), reason);
  }

  stopAll(reason: TaskStoppedError): void {
    this.#stop(() => true, reason);
  }

  /** Resolves when nothing runs. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #stop(condemned: (execution: Execution) => boolean, reason: TaskStoppedError): void {
    const dropped = this.#waiting.filter(condemned);
    const kept = this.#waiting.filter((execution) => !condemned(execution));
    this.#waiting.splice(0, this.#waiting.length, ...kept);
    for (const { task, attempt } of dropped) {
      this.#options.announcer.emit("abandoned", { task, attempt, why: reason });
    }
    for (const execution of this.#running.keys()) if (condemned(execution)) execution.stop(reason);
  }

  #fill(): void {
    while (this.#running.size < this.#options.capacity) {
      const execution = this.#waiting.shift();
      if (execution === undefined) return;
      const done = this.#execute(execution).finally(() => {
        this.#running.delete(execution);
        this.#fill();
        this.#options.onSettled();
      });
      this.#running.set(execution, done);
    }
  }

  /** Never rejects. */
  async #execute(execution: Execution): Promise<void> {
    const { client, layout, worker, work, announcer, cut } = this.#options;
    const { task, attempt, assignment } = execution;
    const startedAtMs = client.clock.elapsedMs();
    announcer.emit("started", { task, attempt });
    const { result, settled } = execution.run(work, client.clock);
    const ended = await result;
    if (ended === undefined) {
      announcer.emit("abandoned", { task, attempt, why: execution.stopReason });
      return;
    }
    const guid = hex(client.random.bytes(16));
    const record = { ...ended, attempt, by: worker, guid, atMs: client.clock.wallMs() };
    const tookMs = client.clock.elapsedMs() - startedAtMs;
    const target = { client, layout, worker, assignment, task };
    const outcome = await report(target, record, cut);
    if (outcome.recorded) {
      announcer.emit("reported", { task, attempt, kind: record.kind, tookMs });
    } else {
      const { recorded: _, ...refusal } = outcome;
      client.logger.warn({ worker, task, attempt, why: refusal.why, err: refusal.error }, "A report was refused");
      announcer.emit("reportRefused", { task, attempt, kind: record.kind, ...refusal });
    }
    // A function that did not stop when its time was up still takes up its place.
    await settled;
  }
}
