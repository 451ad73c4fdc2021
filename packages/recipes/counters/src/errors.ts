/** What can come of a change whose wait ends too early. */
import {
  WriteOutcomeUnknownError as AnyWriteOutcomeUnknownError,
  isWriteOutcomeUnknownError as isAny,
} from "@corral/recipe-kit";

/** What became of a change in the end. */
export type ChangeOutcome<T> =
  | { readonly kind: "applied"; readonly result: T }
  | { readonly kind: "not applied" }
  /** Nobody will ever know. */
  | { readonly kind: "unknown"; readonly cause: unknown };

/**
 * The wait for a change ended while the change was under way: it may happen yet, or have happened. Do not repeat it
 * before you know: `outcome` tells as soon as it is known. `cause` is why the wait ended.
 */
export class WriteOutcomeUnknownError<T = unknown> extends AnyWriteOutcomeUnknownError {
  /** Resolves when it is known, with what the call would have given if it was applied. Never rejects. */
  declare readonly outcome: Promise<ChangeOutcome<T>>;

  constructor(path: string, outcome: Promise<ChangeOutcome<T>>, cause: unknown) {
    super("The change of", path, outcome, cause);
  }
}

/** Whether `error` is a WriteOutcomeUnknownError, of whatever copy of this package. */
export function isWriteOutcomeUnknownError(error: unknown): error is WriteOutcomeUnknownError {
  return isAny(error);
}
