/** Waiting on the Clock port. */
import type { Clock } from "@corral/io";
import { onAbort } from "./on-abort.ts";

/** Resolves after `delayMs`, or at once when `signal` aborts; the caller looks at the signal. Leaves no listener behind. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      timer.cancel();
      ignore();
      resolve();
    };
    const timer = clock.setTimer(delayMs, done);
    const ignore = onAbort(signal, done);
  });
}
