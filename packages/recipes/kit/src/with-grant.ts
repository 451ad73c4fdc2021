/** Running a function under a grant: its result counts only if the grant held all the while. */
import type { Grant } from "./grant.ts";

/**
 * Runs `fn`, then gives the grant back. Rejects with GrantLostError if the grant was lost before `fn` ended, even if `fn`
 * resolved; with what `fn` rejected with otherwise.
 */
export async function withGrant<G extends Grant, T>(grant: G, fn: (grant: G) => T | Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await fn(grant);
  } catch (error) {
    // What failed because the grant was lost failed for that reason, whatever it says.
    const lost = grant.held ? undefined : grant.signal.reason;
    await grant.release();
    throw lost ?? error;
  }
  await grant.releaseHeld();
  return result;
}
