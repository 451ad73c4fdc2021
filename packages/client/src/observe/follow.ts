/**
 * Following one thing on the server: look and leave a watch, tell the state, wait for the watch, look again. A watch is a
 * hint: whatever it says, and also when the session ended instead, the thing is looked at again, so that what was told
 * last converges to what is.
 */
import { Observable, type Subscriber } from "rxjs";
import { isCoordinationError } from "../errors.ts";
import { insist, type Patience } from "../insist.ts";
import { onAbort } from "../on-abort.ts";
import type { WatchEvent, Watcher } from "../watch-event.ts";

/** What there is to follow. */
export interface Subject<S> {
  /**
   * Reads the state; with it a watch by `watcher` is left, and never without. `undefined`: there is no such node, and the
   * watch will tell when there is one. `"again"`: no answer this time, but for no bad reason.
   */
  look(watcher: Watcher, signal: AbortSignal): Promise<S | undefined | "again">;
  /** Takes a watch back. */
  unwatch(watcher: Watcher): void;
  /** Whether two states are one. */
  same(a: S, b: S): boolean;
}

/** A state, and what became of it. */
interface Look<S> {
  readonly state: S | undefined;
  /** The event that ends the state; `undefined` when following ends instead. */
  readonly over: Promise<WatchEvent | undefined>;
}

/**
 * The states of `subject`, the current one first, each different from the one before; `undefined` while it does not
 * exist. Completes when the client is closed. Errors only for what repeating cannot mend, such as a missing permission.
 */
export function follow<S>(patience: Patience, subject: Subject<S>): Observable<S | undefined> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    run(patience, subject, subscriber, stop.signal).catch((error: unknown) => {
      if (isCoordinationError(error, "ClientClosed")) subscriber.complete();
      // Whoever has unsubscribed hears nothing of this.
      else subscriber.error(error);
    });
    return () => stop.abort();
  });
}

async function run<S>(
  patience: Patience,
  subject: Subject<S>,
  subscriber: Subscriber<S | undefined>,
  signal: AbortSignal,
): Promise<void> {
  let told: { readonly state: S | undefined } | undefined;
  const tell = (state: S | undefined): void => {
    const before = told?.state;
    const same = before === undefined || state === undefined ? before === state : subject.same(before, state);
    if (told !== undefined && same) return;
    told = { state };
    subscriber.next(state);
  };
  while (!signal.aborted) {
    const { state, over } = await insist(patience, signal, () => look(subject, signal));
    tell(state);
    const event = await over;
    if (event?.type === "closed") return subscriber.complete();
    // By the time of the next look it may be there again; but it was gone, and that is a state as well.
    if (event?.type === "nodeDeleted") tell(undefined);
  }
}

/**
 * One look that counts. Each has a watcher of its own, so that an event of it can only be newer than its answer: were
 * one shared by several reads, "deleted" might be news or might be what the answer knew already.
 */
async function look<S>(subject: Subject<S>, signal: AbortSignal): Promise<Look<S>> {
  for (;;) {
    let end = (_event: WatchEvent | undefined): void => {};
    const over = new Promise<WatchEvent | undefined>((resolve) => {
      end = resolve;
    });
    const watcher: Watcher = (event) => {
      ignore();
      end(event);
    };
    const ignore = onAbort(signal, () => {
      subject.unwatch(watcher);
      end(undefined);
    });
    try {
      const state = await subject.look(watcher, signal);
      if (state !== "again") return { state, over };
      subject.unwatch(watcher);
      ignore();
    } catch (error) {
      subject.unwatch(watcher);
      ignore();
      throw error;
    }
  }
}
