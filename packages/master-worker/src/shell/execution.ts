/** One run of one task: decodes the input, calls the program's function, bounds its time, and makes the record of its end. */
import type { Clock } from "@corral/io";
import { payloadBytesMax } from "../core/limits.ts";
import { decodeValue, encodeValue, failureOf, type StatusRecord, type TaskRecord } from "../core/payloads.ts";
import { PayloadTooLargeError, TaskStoppedError } from "./errors.ts";

/** What the program's function is told besides the input. */
export interface TaskContext {
  /** Aborts when the task is no longer this worker's: stop, and above all stop acting on anything outside. */
  readonly signal: AbortSignal;
  readonly taskName: string;
  /** 1 for the first time that the task is given to a worker. */
  readonly attempt: number;
  /**
   * Grows with every attempt of the task: the zxid at which it was assigned. A resource that remembers the highest token
   * it has seen for a task, and refuses lower ones, cannot be touched by an earlier attempt that is late.
   */
  readonly fencingToken: bigint;
}

/** What a worker does with a task. Its result is recorded; what it throws is recorded as the task's failure. */
export type TaskFunction = (input: unknown, context: TaskContext) => Promise<unknown>;

/** The end of a run, without who and when. */
export type ExecutionResult = Pick<StatusRecord, "kind" | "value" | "error">;

/** A record that could not be decoded, and why. */
export interface Unreadable {
  readonly unreadable: string;
}

/** An assignment accepted. */
export class Execution {
  readonly task: string;
  readonly attempt: number;
  /** Name of the assignment's node. */
  readonly assignment: string;
  readonly #record: TaskRecord | Unreadable;
  readonly #fencingToken: bigint;
  readonly #controller = new AbortController();

  constructor(options: {
    readonly task: string;
    readonly attempt: number;
    readonly assignment: string;
    readonly record: TaskRecord | Unreadable;
    readonly fencingToken: bigint;
  }) {
    this.task = options.task;
    this.attempt = options.attempt;
    this.assignment = options.assignment;
    this.#record = options.record;
    this.#fencingToken = options.fencingToken;
  }

  /** Whether it has been told to stop. */
  get stopped(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Why it has been told to stop. */
  get stopReason(): unknown {
    return this.#controller.signal.reason;
  }

  /** Tells the program's function to stop. */
  stop(reason: TaskStoppedError): void {
    this.#controller.abort(reason);
  }

  /**
   * Runs the task. `result` resolves when there is something to record, or to `undefined` if the task gave up because it
   * was stopped; `settled` when the program's function has returned, which after a timeout can be later. Neither rejects.
   */
  run(
    work: TaskFunction,
    clock: Clock,
  ): { readonly result: Promise<ExecutionResult | undefined>; readonly settled: Promise<void> } {
    const outcome = this.#call(work);
    const settled = outcome.then(() => undefined);
    const timeoutMs = "unreadable" in this.#record ? undefined : this.#record.timeoutMs;
    if (timeoutMs === undefined) return { result: outcome, settled };
    const timedOut = new Promise<ExecutionResult>((resolve) => {
      const timer = clock.setTimer(timeoutMs, () => {
        const error = new TaskStoppedError("timeout", `It ran for more than the ${timeoutMs} ms it was given.`);
        resolve({ kind: "timeout", error: failureOf(error) });
        this.stop(error);
      });
      void settled.then(() => timer.cancel());
    });
    return { result: Promise.race([timedOut, outcome]), settled };
  }

  async #call(work: TaskFunction): Promise<ExecutionResult | undefined> {
    if ("unreadable" in this.#record) return malformed(this.#record.unreadable);
    const input = decodeValue(this.#record.input);
    if (!input.ok) return malformed(input.detail);
    try {
      const context = {
        signal: this.#controller.signal,
        taskName: this.task,
        attempt: this.attempt,
        fencingToken: this.#fencingToken,
      };
      const value = encodeValue(await work(input.value, context));
      if (value.length > payloadBytesMax) throw new PayloadTooLargeError("The result", value.length, payloadBytesMax);
      return { kind: "done", value };
    } catch (error) {
      return this.stopped ? undefined : { kind: "failed", error: failureOf(error) };
    }
  }
}

function malformed(detail: string): ExecutionResult {
  return { kind: "failed", error: { name: "MalformedTaskError", message: `The task cannot be read: ${detail}.` } };
}
