/** How many sockets a process may have here. */
import { readFileSync } from "node:fs";
import type { Scenario } from "./scenarios.ts";

/** Files and sockets that a driver and a server need for themselves. */
const spare = 500;

/**
 * Why the scenario cannot be measured on this machine, in a sentence for people; `undefined` if it can. Node raises its
 * own limit as far as it may, and what it starts inherits that.
 */
export function hindrance({ name, connections }: Scenario, limit = descriptorLimit()): string | undefined {
  if (limit === undefined || connections + spare <= limit) return undefined;
  return `${name} is left out: it takes ${connections + spare} descriptors, and the limit is ${limit} (ulimit -n).`;
}

function descriptorLimit(): number | undefined {
  let limits: string;
  try {
    limits = readFileSync("/proc/self/limits", "latin1");
  } catch {
    return undefined; // not Linux
  }
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
