/** Why a tree was not copied, or not all of it. */

/**
 * `not-empty`: there is something at the target already. `smaller-tokens`: what the target would give out next is smaller
 * than what the source has given out. `unreadable`, `unwritable`: the server does not allow or does not have what is
 * needed; what was written but may not be read back is `unreadable`. `bad-dump`: the file is no dump, or not a whole one. `different`: what was read back is not what was written.
 */
export type CopyErrorCode = "not-empty" | "smaller-tokens" | "unreadable" | "unwritable" | "bad-dump" | "different";

const copyMark = Symbol.for("corral.cli.copy-error");

/** The message says what was tried, where, and what to do. */
export class CopyError extends Error {
  override readonly name = "CopyError";
  readonly code: CopyErrorCode;
  constructor(code: CopyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, copyMark, { value: true });
  }
}

/** Whether `error` is a CopyError, of whatever copy of this package. */
export function isCopyError(error: unknown): error is CopyError {
  return typeof error === "object" && error !== null && Reflect.get(error, copyMark) === true;
}
