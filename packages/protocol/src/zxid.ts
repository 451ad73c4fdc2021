/**
 * Transaction ids: `epoch * 2^32 + counter`, held as a number. Exact up to epoch 2^21 − 1; the reader refuses what is beyond.
 */

/** One more than the largest counter. */
export const zxidEpochSize = 2 ** 32;

/** The zxid of the `counter`-th transaction of `epoch`. */
export function makeZxid(epoch: number, counter: number): number {
  return epoch * zxidEpochSize + counter;
}

/** The epoch of a zxid: the leader's reign in which it was proposed. */
export function zxidEpoch(zxid: number): number {
  return Math.floor(zxid / zxidEpochSize);
}

/** The place of a zxid within its epoch. */
export function zxidCounter(zxid: number): number {
  return zxid % zxidEpochSize;
}

/** A zxid as the field's tools print it: `0x` and hexadecimal digits. */
export function formatZxid(zxid: number): string {
  return `0x${zxid.toString(16)}`;
}
