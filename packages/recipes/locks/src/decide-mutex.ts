/** Who holds a mutex, from the names in its queue. Pure. */
import { type Decision, placeInQueue, queueOrder } from "@corral/recipe-kit";

/** What stands before the sequence number in Curator's (and our) lock nodes, and in kazoo's. */
export const mutexKinds = ["lock-", "__lock__"] as const;

/** The first in the queue holds the lock; everybody else waits for the one right before, so a release wakes one. */
export function decideMutex(names: readonly string[], own: string): Decision {
  const order = queueOrder(names, mutexKinds);
  const before = order[placeInQueue(order, own) - 1];
  return before === undefined ? { kind: "granted" } : { kind: "wait", on: before.name };
}
