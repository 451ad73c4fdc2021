/** What can come of handing leadership over. Recognised by a mark, so that two copies of the package agree. */

const mark = Symbol.for("corral.leader-election.error");

/** Leadership was not handed over, and is held as before. */
export class HandOverError extends Error {
  override readonly name = "HandOverError";
  /** The node of the candidate that was to lead. */
  readonly path: string;

  constructor(path: string, why: string) {
    super(`Leadership cannot be handed to ${path}: ${why}.`);
    this.path = path;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` says that leadership was not handed over, of whatever copy of the package it is. */
export function isHandOverError(error: unknown): error is HandOverError {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === "HandOverError";
}
