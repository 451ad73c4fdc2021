/** A write whose wait has ended before it was known what became of it. Recognised by a mark, across copies of the package. */

const mark = Symbol.for("corral.recipe.outcome-unknown");

/** What became of a write in the end. */
export type WriteOutcome =
  | { readonly kind: "applied" }
  | { readonly kind: "not applied" }
  /** Nobody will ever know. */
  | { readonly kind: "unknown"; readonly cause: unknown };

/**
 * The wait for a write ended while the write was under way: it may happen yet, or have happened. Before it is repeated,
 * `outcome` tells what became of it, as soon as that is known. `cause` is why the wait ended.
 */
export class WriteOutcomeUnknownError extends Error {
  override readonly name = "WriteOutcomeUnknownError";
  readonly path: string;
  /** Resolves when it is known. Never rejects. */
  readonly outcome: Promise<WriteOutcome>;

  constructor(what: string, path: string, outcome: Promise<WriteOutcome>, cause: unknown) {
    super(`${what} ${path} was under way when the wait for it ended. Await error.outcome before you repeat it.`, {
      cause,
    });
    this.path = path;
    this.outcome = outcome;
    Object.defineProperty(this, mark, { value: true });
  }
}

/** Whether `error` says that the outcome of a write is unknown, of whatever copy of the package it is. */
export function isWriteOutcomeUnknownError(error: unknown): error is WriteOutcomeUnknownError {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === true;
}
