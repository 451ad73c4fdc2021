/** Who holds a mutex, from the names in its queue. Pure. */
import { type Decision, decideInTurn } from "@corral/recipe-kit";

/** What stands before the sequence number in Curator's (and our) lock nodes, and in kazoo's. */
export const mutexKinds = ["lock-", "__lock__"] as const;

/** The first in the queue holds the lock; everybody else waits for the one right before, so a release wakes one. */
export function decideMutex(names: readonly string[], own: string): Decision {
  return decideInTurn(names, mutexKinds, own);
}
