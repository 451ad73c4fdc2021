/**
 * How many epochs there are. zxids are numbers below 2^53, so the epochs end; each start takes one, a restore a thousand. A server
 * for which none is left serves what it has, for a copy to be made, and takes no writes: it could give out a fencing token twice.
 */

/** The last epoch whose zxids are exact numbers. */
export const lastEpoch = 2 ** 21 - 1;

/** How many a restore or an administrator has to leave: one start an hour for eleven years. */
export const reservedEpochs = 100_000;

/** What helps where epochs end: a tree that begins anew, in another server. */
export const copyAdvice =
  "copy the tree with corral dump, and load it with corral load --allow-smaller-tokens into a server that begins in an " +
  "empty directory; fencing tokens begin anew there";

/** How many epochs there are after this one. */
export function epochsLeft(epoch: number): number {
  return Math.max(0, lastEpoch - epoch);
}

/** What there is to be said of a server in that epoch, or of a directory that has come to it; undefined: nothing. */
export function epochWarning(epoch: number): string | undefined {
  const left = epochsLeft(epoch);
  if (left >= reservedEpochs) return undefined;
  return `${left} of ${lastEpoch} epochs are left, each start takes one, and a server without one takes no writes: ${copyAdvice}`;
}

/** Why writes are refused when there is no other epoch for them. */
export const epochsAreSpent = `there is no epoch after ${lastEpoch}, so writes are refused: ${copyAdvice}`;
