/**
 * Calls that end after so long. It is the way by which a signal ends them, so that what an operation does about a call
 * that was given up is the same for both.
 */
import type { Clock } from "@corral/io";
import { BadArgumentsError } from "./errors.ts";
import { WaitTimeoutError } from "./grant-errors.ts";
import { onAbort } from "./on-abort.ts";
import type { CallOptions } from "./options.ts";

/** What is called, for its error message. */
export interface Called {
  readonly operation: string;
  readonly path: string | undefined;
}

const remedy =
  "Allow more time, or see with client.diagnosis() what is the matter with the connection. A write may have happened all the same: look before it is repeated.";

/**
 * Makes a call with `options`, and ends it after their `timeoutMs`.
 * @throws WaitTimeoutError, BadArgumentsError, and what the call throws
 */
export function inTime<O extends CallOptions, T>(
  clock: Clock,
  called: Called,
  options: O,
  call: (options: O) => Promise<T>,
): Promise<T> {
  // Most calls have no limit, and do not pay for it.
  return options.timeoutMs === undefined ? call(options) : limited(clock, called, options, options.timeoutMs, call);
}

async function limited<O extends CallOptions, T>(
  clock: Clock,
  called: Called,
  options: O,
  timeoutMs: number,
  call: (options: O) => Promise<T>,
): Promise<T> {
  checkTimeoutMs(called, timeoutMs);
  const { signal } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const timeIsUp = new Error("the time of a call is up");
  const timer = clock.setTimer(timeoutMs, () => controller.abort(timeIsUp));
  const ignore = onAbort(signal, () => controller.abort(signal?.reason));
  try {
    return await call({ ...options, signal: controller.signal, timeoutMs: undefined });
  } catch (error) {
    // Made here, where the caller's stack is.
    if (error === timeIsUp)
      throw new WaitTimeoutError(`The answer to ${called.operation}`, called.path, timeoutMs, remedy);
    throw error;
  } finally {
    timer.cancel();
    ignore();
  }
}

/** @throws BadArgumentsError unless `timeoutMs` is a number of milliseconds, 0 or more; Infinity is one. */
export function checkTimeoutMs(called: Called, timeoutMs: number): void {
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return;
  throw new BadArgumentsError({
    ...called,
    detail: `timeoutMs is ${typeof timeoutMs === "string" ? JSON.stringify(timeoutMs) : timeoutMs}`,
    remedy: "Give a number of milliseconds, 0 or more, or leave it out to wait without a limit.",
  });
}
