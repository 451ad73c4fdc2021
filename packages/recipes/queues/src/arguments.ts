/** What can be asked of a queue. */
import { BadArgumentsError } from "@corral/client";
import { limits } from "./limits.ts";

/** @throws BadArgumentsError unless it is a time that an item can be held back, ms. */
export function checkDelay(path: string, delayMs: number): void {
  if (delayMs >= 0 && delayMs <= limits.delayMs) return;
  refuse(path, `a delay of ${delayMs} ms`, `Give a number of milliseconds from 0 to ${limits.delayMs}.`);
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

function refuse(path: string, detail: string, remedy: string): never {
  throw new BadArgumentsError({ operation: "queue", path, detail, remedy });
}
