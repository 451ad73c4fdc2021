/** Something that changes, to be subscribed to or to be looped over. */
import { Observable } from "rxjs";
import { onAbort } from "../on-abort.ts";
import { LatestIterator } from "./latest.ts";

/**
 * The states of something, the current one first. An rxjs Observable, which tells every state, and an AsyncIterable, of
 * which a slow loop is told the latest state only. Nothing happens before one subscribes or loops, and leaving the loop
 * or unsubscribing ends it.
 *
 * ```ts
 * for await (const names of client.watchChildren("/workers", { signal })) render(names ?? []);
 * client.watchChildren("/workers").pipe(map((names) => names?.length ?? 0)).subscribe(setCount);
 * ```
 */
export class Observed<T> extends Observable<T> implements AsyncIterable<T> {
  /** `signal` completes it, whoever subscribed. */
  constructor(source: Observable<T>, signal?: AbortSignal) {
    super((subscriber) => {
      if (signal === undefined) return source.subscribe(subscriber);
      if (signal.aborted) return subscriber.complete();
      subscriber.add(onAbort(signal, () => subscriber.complete()));
      return source.subscribe(subscriber);
    });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined, undefined> {
    return new LatestIterator(this);
  }
}
