/** Running a function under a grant: its result counts only if the grant held all the while. */
import { GrantLostError, isGrantLostError } from "./errors.ts";

/** What is held while a function runs: a grant, or several as one. */
export interface Held {
  readonly held: boolean;
  readonly signal: AbortSignal;
  release(): Promise<void>;
  /** @throws GrantLostError unless it held until now. */
  releaseHeld(): Promise<void>;
}

/**
 * Runs `fn`, then gives the grant back. Rejects with GrantLostError if the grant was lost before `fn` ended, even if `fn`
 * resolved; with what `fn` rejected with otherwise. `fn` may release the grant itself: what it does then is its own affair.
 */
export async function withGrant<G extends Held, T>(grant: G, fn: (grant: G) => T | Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await fn(grant);
  } catch (error) {
    // What failed because the grant was lost failed for that reason, whatever it says.
    const lost = lossOf(grant, error);
    await grant.release();
    throw lost ?? error;
  }
  if (grant.held || isGrantLostError(grant.signal.reason)) await grant.releaseHeld();
  else await grant.release();
  return result;
}

function lossOf({ held, signal }: Held, cause: unknown): unknown {
  const { reason } = signal;
  if (held || !isGrantLostError(reason)) return undefined;
  return reason === cause ? reason : new GrantLostError(reason.path, reason.reason, { cause });
}
