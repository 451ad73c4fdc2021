/** Gives a run up in which nothing moves any more, so that nobody waits for ever for what will not come. */
import type { Observable } from "rxjs";
import { assignedCount, type GroupView } from "../tree/group-view.ts";
import { DemoError } from "./demo-error.ts";

/** How long nothing may move in the tree, besides what the tasks themselves take. */
const STALLED_MS = 60_000;

/** Time is counted in ticks: while the demo is stopped there are none, however long that lasts. */
const TICK_MS = 1_000;

/** Aborts `end` when the views have not changed for a minute, and three tasks' time. Stops when disposed. */
export function watchForStall(views: Observable<GroupView>, paceMs: number, end: AbortController): Disposable {
  const limitMs = STALLED_MS + 3 * paceMs;
  let latest: GroupView | undefined;
  const giveUp = () => {
    const where =
      latest === undefined
        ? "the tree was never seen"
        : `${latest.done.size} tasks done, ${assignedCount(latest)} assigned, ${latest.waiting.size} waiting, ` +
          `primary ${latest.primary ?? "none"}, workers ${latest.workers.join(" ") || "none"}`;
    end.abort(
      new DemoError(
        `Nothing has moved for ${Math.round(limitMs / 1000)} s (${where}). Run with --keep and look at the logs.`,
      ),
    );
  };
  let stillMs = 0;
  const timer = setInterval(() => {
    stillMs += TICK_MS;
    if (stillMs >= limitMs) giveUp();
  }, TICK_MS);
  const subscription = views.subscribe((view) => {
    latest = view;
    stillMs = 0;
  });
  return {
    [Symbol.dispose]() {
      subscription.unsubscribe();
      clearInterval(timer);
    },
  };
}
