/**
 * The package's own errors. Each says what was tried and what to do, and is recognised by a mark, so that two copies of the
 * package agree.
 */
import type { TaskFailure } from "../core/payloads.ts";

const mark = Symbol.for("corral.master-worker.error");

type ErrorName =
  | "WorkerIdTakenError"
  | "PayloadTooLargeError"
  | "ResultTimeoutError"
  | "ResultTakenError"
  | "UnreadableNodeError"
  | "TaskFailedError"
  | "TaskStoppedError";

/** Another live process has registered under the same worker id. */
export class WorkerIdTakenError extends Error {
  override readonly name = "WorkerIdTakenError";
  readonly id: string;
  readonly path: string;

  constructor(id: string, path: string) {
    super(
      `The worker id ${JSON.stringify(id)} is taken: ${path} belongs to another process, and its session is alive. ` +
        "Give each process an id of its own, or stop the other one.",
    );
    this.id = id;
    this.path = path;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** A task's input is too large to be stored. */
export class PayloadTooLargeError extends Error {
  override readonly name = "PayloadTooLargeError";
  readonly bytes: number;
  readonly bytesMax: number;

  constructor(what: string, bytes: number, bytesMax: number) {
    super(
      `${what} takes ${bytes} bytes; at most ${bytesMax} can be stored. ` +
        "Put it into a file or an object store, and its address here.",
    );
    this.bytes = bytes;
    this.bytesMax = bytesMax;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** No result within the time allowed. The task goes on; wait again, or cancel it. */
export class ResultTimeoutError extends Error {
  override readonly name = "ResultTimeoutError";
  readonly task: string;

  constructor(task: string, timeoutMs: number) {
    super(`${task} had no result within ${timeoutMs} ms. It goes on; wait again, or cancel it.`);
    this.task = task;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** The result was there, and somebody else has taken (and so removed) it. */
export class ResultTakenError extends Error {
  override readonly name = "ResultTakenError";
  readonly task: string;

  constructor(task: string) {
    super(`The result of ${task} has been taken by somebody else.`);
    this.task = task;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** A node holds something that this version of the package cannot read. */
export class UnreadableNodeError extends Error {
  override readonly name = "UnreadableNodeError";
  readonly path: string;

  constructor(path: string, detail: string) {
    super(`${path} cannot be read: ${detail}. It was written by something else, or by a later version.`);
    this.path = path;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** A task did not end with a result. Made by `TaskHandle.value()`. */
export class TaskFailedError extends Error {
  override readonly name = "TaskFailedError";
  readonly task: string;
  /** How it ended. */
  readonly kind: "failed" | "timeout" | "cancelled";
  /** Name and message of the error on the other side. */
  readonly failure: TaskFailure;

  constructor(task: string, kind: "failed" | "timeout" | "cancelled", failure: TaskFailure) {
    super(`${task} ${kind === "timeout" ? "ran out of time" : kind}: ${failure.name}: ${failure.message}`);
    this.task = task;
    this.kind = kind;
    this.failure = failure;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** The reason with which a running task's signal aborts. */
export class TaskStoppedError extends Error {
  override readonly name = "TaskStoppedError";
  /** `reassigned`: taken away or cancelled; `registrationLost`: it will be given to another worker. */
  readonly why: "reassigned" | "registrationLost" | "closing" | "timeout";

  constructor(why: "reassigned" | "registrationLost" | "closing" | "timeout", message: string) {
    super(message);
    this.why = why;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` is a WorkerIdTakenError, of whatever copy of this package. */
export function isWorkerIdTakenError(error: unknown): error is WorkerIdTakenError {
  return isNamed(error, "WorkerIdTakenError");
}

/** Whether `error` is a PayloadTooLargeError, of whatever copy of this package. */
export function isPayloadTooLargeError(error: unknown): error is PayloadTooLargeError {
  return isNamed(error, "PayloadTooLargeError");
}

/** Whether `error` is a ResultTimeoutError, of whatever copy of this package. */
export function isResultTimeoutError(error: unknown): error is ResultTimeoutError {
  return isNamed(error, "ResultTimeoutError");
}

/** Whether `error` is a ResultTakenError, of whatever copy of this package. */
export function isResultTakenError(error: unknown): error is ResultTakenError {
  return isNamed(error, "ResultTakenError");
}

/** Whether `error` is an UnreadableNodeError, of whatever copy of this package. */
export function isUnreadableNodeError(error: unknown): error is UnreadableNodeError {
  return isNamed(error, "UnreadableNodeError");
}

/** Whether `error` is a TaskFailedError, of whatever copy of this package. */
export function isTaskFailedError(error: unknown): error is TaskFailedError {
  return isNamed(error, "TaskFailedError");
}

/** Whether `error` is a TaskStoppedError, of whatever copy of this package. */
export function isTaskStoppedError(error: unknown): error is TaskStoppedError {
  return isNamed(error, "TaskStoppedError");
}

function isNamed(error: unknown, name: ErrorName): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === name;
}
