/** Waiting for what is seen, never for a time. */
import { filter, firstValueFrom, fromEvent, type Observable, takeUntil } from "rxjs";

/** The first value for which `condition` holds. Rejects with the signal's reason when that aborts first. */
export async function firstWhere<T>(
  values: Observable<T>,
  condition: (value: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const waiting = values.pipe(filter(condition), takeUntil(fromEvent(signal, "abort")));
  const none = Symbol();
  const value = await firstValueFrom<T, typeof none>(waiting, { defaultValue: none });
  if (value === none) {
    signal.throwIfAborted();
    throw new Error("What was waited for can no longer come.");
  }
  return value;
}

/** What `promise` gives. Rejects with the signal's reason when that aborts first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return await new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
