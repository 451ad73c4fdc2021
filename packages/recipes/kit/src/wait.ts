/** Every wait takes the same two options, and ends by the same signal. */
import { BadArgumentsError, type Client } from "@corral/client";
import { WaitTimeoutError } from "./errors.ts";

/** How long to wait, and until when. */
export interface WaitOptions {
  /** Ends the wait: it rejects with the signal's reason, and leaves nothing behind. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the wait after so long, ms: it rejects with WaitTimeoutError. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/** A wait that has begun. */
export interface Wait extends Disposable {
  /** Aborts when the wait is over: with the caller's reason, or a WaitTimeoutError. */
  readonly signal: AbortSignal;
}

/**
 * Begins a wait for `what` at `path`. Dispose of it when the wait is over, however it ended.
 * @throws BadArgumentsError for a `timeoutMs` that is no time
 */
export function beginWait(client: Client, what: string, path: string, options: WaitOptions): Wait {
  checkTimeoutMs(path, options.timeoutMs);
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(options.signal?.reason);
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const { timeoutMs } = options;
  const timer =
    timeoutMs === undefined
      ? undefined
      : client.clock.setTimer(timeoutMs, () => controller.abort(new WaitTimeoutError(what, path, timeoutMs)));
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      timer?.cancel();
      options.signal?.removeEventListener("abort", onAbort);
    },
  };
}

function checkTimeoutMs(path: string, timeoutMs: number | undefined): void {
  if (timeoutMs === undefined || (typeof timeoutMs === "number" && timeoutMs >= 0)) return;
  throw new BadArgumentsError({
    path,
    detail: `timeoutMs is ${typeof timeoutMs === "string" ? JSON.stringify(timeoutMs) : timeoutMs}`,
    remedy: "Give a number of milliseconds, 0 or more, or leave it out to wait without a limit.",
  });
}
