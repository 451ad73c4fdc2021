/** What can be asked of a queue. */
import { BadArgumentsError } from "@corral/client";
import { limits } from "./limits.ts";

/** @throws BadArgumentsError unless it is a time that an item can be held back, ms. */
export function checkDelay(path: string, delayMs: number): void {
  if (delayMs >= 0 && delayMs <= limits.delayMs) return;
  refuse(path, `a delay of ${delayMs} ms`, `Give a number of milliseconds from 0 to ${limits.delayMs}.`);
}

/** @throws BadArgumentsError unless it is a time, ms since 1970. */
export function checkTime(path: string, atMs: number): void {
  if (Number.isFinite(atMs) && atMs >= 0 && atMs <= limits.timeMs) return;
  refuse(path, `the time ${atMs}`, `Give milliseconds since 1970, at most ${limits.timeMs}.`);
}

/** @throws BadArgumentsError unless it is a priority: a whole number of 32 bits. */
export function checkPriority(path: string, priority: number): void {
  if ((priority | 0) === priority) return;
  refuse(path, `the priority ${priority}`, "Give a whole number from -2147483648 to 2147483647; lower comes first.");
}

/** @throws BadArgumentsError unless it is a whole number, at least 1 and at most `max`. */
export function checkCount(path: string, name: string, count: number, max: number): void {
  if (count === Number.POSITIVE_INFINITY && max === count) return;
  if (Number.isInteger(count) && count >= 1 && count <= max) return;
  const bound = max === Number.POSITIVE_INFINITY ? "" : ` and at most ${max}`;
  refuse(path, `${name} is ${count}`, `Give a whole number, at least 1${bound}.`);
}

/** Items to be put in one transaction. */
export interface ItemsToPut {
  /** Bytes of each. */
  readonly sizes: readonly number[];
  /** How many the queue may hold. */
  readonly itemsMax: number;
  /** Of the node that they are put below, as the server knows it. */
  readonly pathBytes: number;
}

/** @throws BadArgumentsError if they are too many, or too long. */
export function checkItems(path: string, { sizes, itemsMax, pathBytes }: ItemsToPut): void {
  const { itemBytes, itemOverheadBytes, batchItems, batchBytes } = limits;
  const longest = Math.max(...sizes);
  if (longest > itemBytes) {
    refuse(path, `an item of ${longest} bytes, more than ${itemBytes}`, "Put a reference to where it is stored.");
  }
  const bytes = sizes.reduce((sum, size) => sum + size + itemOverheadBytes + pathBytes, 0);
  if (sizes.length > 1 && (sizes.length > batchItems || bytes > batchBytes)) {
    const most = `more than ${batchItems} items or ${batchBytes} bytes for one transaction`;
    refuse(path, `${sizes.length} items of ${bytes} bytes with their names, ${most}`, "Put fewer at a time.");
  }
  if (sizes.length > itemsMax) {
    refuse(path, `${sizes.length} items at once, of ${itemsMax} that it may hold`, "Put fewer at a time.");
  }
}

function refuse(path: string, detail: string, remedy: string): never {
  throw new BadArgumentsError({ operation: "queue", path, detail, remedy });
}
