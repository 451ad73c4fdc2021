/**
 * Doing something until it is done, through broken connections. Only for what may safely be done twice: reads, and
 * writes that are idempotent by name.
 */
import { type Client, isCoordinationError, isRecoverable } from "@corral/client";
import pRetry from "p-retry";
import { sleep } from "./sleep.ts";

const delayMsMin = 5;
const delayMsMax = 1_000;

/** Whether an error tells of the connection or the session, not of the tree: a read can simply be made again. */
export function isInterruption(error: unknown): boolean {
  return isRecoverable(error) || isCoordinationError(error, "SessionExpired");
}

/**
 * Repeats `attempt` while it fails for want of a connection. A request waits for the connection by itself, so the pauses
 * (5 ms, doubling to 1 s, half of it random) only keep a server that turns everybody away from being hammered.
 */
export async function insist<T>(client: Client, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  return await pRetry(attempt, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 0,
    factor: 1,
    ...(signal && { signal }),
    shouldRetry: ({ error }) => isInterruption(error),
    onFailedAttempt: async ({ error, attemptNumber }) => {
      if (!isInterruption(error)) return;
      const fullMs = Math.min(delayMsMax, delayMsMin * 2 ** Math.min(attemptNumber, 20));
      await sleep(client.clock, fullMs * (0.5 + client.random.fraction() / 2), signal);
    },
  });
}
