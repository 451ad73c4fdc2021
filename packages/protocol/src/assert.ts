/** A broken promise of the program itself, never of its input. Means a bug: stop rather than go on wrong. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws unless `condition` holds. On in production. `what`: a text, or what makes it, where that would be in the way. */
export function assert(condition: unknown, what: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(`Assertion failed: ${typeof what === "string" ? what : what()}`);
}

/** The default branch of a total switch: the compiler proves that no case is missing. */
export function assertNever(value: never): never {
  throw new AssertionError(`Unexpected value: ${JSON.stringify(value)}`);
}
