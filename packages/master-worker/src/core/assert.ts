/** Programmer errors, checked in production too. */

/** A broken promise of the program itself, never of its input. Means a bug: stop rather than go on wrong. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws unless `condition` holds. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError(`Assertion failed: ${what}`);
}

/** The default branch of a total switch: the compiler proves that no case is missing. */
export function assertNever(value: never): never {
  throw new AssertionError(`Unexpected value: ${String(value)}`);
}
