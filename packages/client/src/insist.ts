/**
 * Doing something until it is done, through broken connections and lost sessions. Only for what may safely be done twice:
 * reads, and writes that are idempotent by name.
 */
import type { Clock, Random } from "@corral/io";
import pRetry from "p-retry";
import { isCoordinationError, isRecoverable } from "./errors.ts";
import { limits } from "./limits.ts";
import { sleep } from "./sleep.ts";

/** What waiting needs. */
export interface Patience {
  readonly clock: Clock;
  readonly random: Random;
}

/** Whether an error tells of the connection or the session, not of the tree: the same read may be made again. */
export function isInterruption(error: unknown): boolean {
  return isRecoverable(error) || isCoordinationError(error, "SessionExpired");
}

/**
 * Repeats `attempt` while it fails for want of a connection. A request waits for its connection by itself, so the pauses
 * only keep a server that turns everybody away from being hammered. Rejects with the signal's reason when that aborts.
 */
export async function insist<T>(
  { clock, random }: Patience,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  // Mostly there is nothing to repeat, and then no retrier is built.
  signal?.throwIfAborted();
  let value: T;
  try {
    value = await attempt();
  } catch (error) {
    if (isInterruption(error)) return await insistFurther({ clock, random }, signal, attempt);
    signal?.throwIfAborted();
    throw error;
  }
  signal?.throwIfAborted();
  return value;
}

/** The first attempt was interrupted. */
async function insistFurther<T>(
  { clock, random }: Patience,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  const pause = async (attemptNumber: number): Promise<void> => {
    const fullMs = Math.min(limits.insistMsMax, limits.insistMs * 2 ** Math.min(attemptNumber, 20));
    await sleep(clock, fullMs * (0.5 + random.fraction() / 2), signal);
  };
  await pause(1);
  // p-retry sees interruptions only: of anything thrown that is no Error, such as the reason of `abort("enough")`, it
  // would make a TypeError.
  const outcome = await pRetry(() => attemptOnce(signal, attempt), {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 0,
    factor: 1,
    onFailedAttempt: ({ attemptNumber }) => pause(attemptNumber + 1),
  });
  signal?.throwIfAborted();
  if ("thrown" in outcome) throw outcome.thrown;
  return outcome.value;
}

/** What an attempt came to, unless it was interrupted: that is thrown. */
async function attemptOnce<T>(
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly thrown: unknown }> {
  if (signal?.aborted) return { thrown: signal.reason };
  try {
    return { value: await attempt() };
  } catch (thrown) {
    if (isInterruption(thrown)) throw thrown;
    return { thrown };
  }
}
