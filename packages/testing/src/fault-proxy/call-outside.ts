/** Calls what a test has handed in. */

/**
 * Calls it and returns its result. An error of its own must not leave a connection half handled: it surfaces as an uncaught
 * exception, which fails the test run, and `otherwise` stands in for the result.
 */
export function callOutside<T>(callback: () => T, otherwise: T): T {
  try {
    return callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
    return otherwise;
  }
}
