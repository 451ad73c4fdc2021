/** What can come of a change. Recognised by marks, so that two copies of this package agree. */

const mark = Symbol.for("corral.counters.error");

type ErrorName = "OutcomeUnknownError" | "ValueFormatError";

/** What became of a change in the end. */
export type Outcome<T> =
  | { readonly kind: "applied"; readonly result: T }
  | { readonly kind: "not applied" }
  /** Nobody will ever know. */
  | { readonly kind: "unknown"; readonly cause: unknown };

/**
 * The wait for a change ended while the change was under way: it may happen yet, or have happened. Do not repeat it
 * before you know: `outcome` tells as soon as it is known. `cause` is why the wait ended.
 */
export class OutcomeUnknownError<T = unknown> extends Error {
  override readonly name = "OutcomeUnknownError";
  readonly path: string;
  /** Resolves when it is known. Never rejects. */
  readonly outcome: Promise<Outcome<T>>;

  constructor(path: string, outcome: Promise<Outcome<T>>, cause: unknown) {
    super(
      `A change of ${path} was under way when the wait for it ended, so its outcome is unknown. Await error.outcome before you repeat it.`,
      { cause },
    );
    this.path = path;
    this.outcome = outcome;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** What stands in the node cannot be read as what it should be. */
export class ValueFormatError extends Error {
  override readonly name = "ValueFormatError";
  readonly path: string;

  constructor(path: string, found: string, cause?: unknown) {
    super(`${path} holds ${found}. Use the format that it was written in, or another path.`, { cause });
    this.path = path;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` is an OutcomeUnknownError, of whatever copy of this package. */
export function isOutcomeUnknownError(error: unknown): error is OutcomeUnknownError {
  return isNamed(error, "OutcomeUnknownError");
}

/** Whether `error` is a ValueFormatError, of whatever copy of this package. */
export function isValueFormatError(error: unknown): error is ValueFormatError {
  return isNamed(error, "ValueFormatError");
}

function isNamed(error: unknown, name: ErrorName): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === name;
}
