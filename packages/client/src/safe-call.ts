/** Calling the program that uses us, without letting its failures into our state. */
import type { Logger } from "@corral/io";

/** Calls `callback`. What it throws, or rejects with if it is async, goes to the log as an error. */
export function callSafely<A>(callback: (argument: A) => unknown, argument: A, logger: Logger, what: string): void {
  const report = (err: unknown) => logger.error({ err }, `${what} failed; the client goes on`);
  try {
    const result = callback(argument);
    if (result instanceof Promise) result.catch(report);
  } catch (err) {
    report(err);
  }
}
