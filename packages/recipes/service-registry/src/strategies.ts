/**
 * Which instance is next. Pure: a strategy is a function from the candidates, what it remembers and one random number to a
 * choice and what to remember then. Chance comes in from outside, so that equal inputs give equal choices.
 *
 *   roundRobin           one after the other, from a random one on, so that many clients do not march in step
 *   random               any
 *   weighted             any, each in proportion to its weight
 *   sticky(strategy)     the same as long as it is there, otherwise as the other strategy says
 *   leastRecentlyFailed  whose last failure is longest ago, one after the other among equals
 */
import type { ServiceInstance } from "./instance.ts";

/** An instance that may be chosen. */
export interface Candidate<P = unknown> {
  readonly instance: ServiceInstance<P>;
  /** When it failed last, elapsed time; `undefined`: it never did. */
  readonly failedMs: number | undefined;
}

/** What a strategy remembers from one choice to the next: the path of the last choice, or nothing yet. */
export type Memory = string | undefined;

/** A choice, and what to remember. */
export interface Choice<P = unknown> {
  readonly chosen: Candidate<P>;
  readonly memory: Memory;
}

/** Candidates to choose from, of which there is at least one. */
export type Candidates<P = unknown> = readonly [Candidate<P>, ...Candidate<P>[]];

/**
 * Chooses one of `candidates`, which are sorted by path. `chance` is a random number in [0, 1).
 */
export type Strategy = <P>(candidates: Candidates<P>, memory: Memory, chance: number) => Choice<P>;

/** Those that a provider knows by name. */
export type StrategyName = "round-robin" | "random" | "weighted" | "sticky" | "least-recently-failed";

/** One after the other, in the order of their paths, whoever comes and goes in between. */
export const roundRobin: Strategy = (candidates, memory, chance) => {
  if (memory === undefined) return remembering(at(candidates, chance));
  return remembering(candidates[firstAfter(candidates, memory)] ?? candidates[0]);
};

/** Any of them, each as likely as the others. */
export const random: Strategy = (candidates, _memory, chance) => remembering(at(candidates, chance));

/** Any of them, as likely as its weight says. One of weight 0 only if all are. */
export const weighted: Strategy = (candidates, _memory, chance) => {
  const total = candidates.reduce((sum, { instance }) => sum + instance.weight, 0);
  let left = chance * total;
  for (const candidate of candidates) {
    left -= candidate.instance.weight;
    if (left < 0) return remembering(candidate);
  }
  // All weigh nothing; or rounding has left a crumb over, which is the last one's.
  const last = candidates.findLast(({ instance }) => instance.weight > 0);
  return remembering(last ?? at(candidates, chance));
};

/** The one that was chosen last while it is there, otherwise as `strategy` says. */
export function sticky(strategy: Strategy): Strategy {
  return (candidates, memory, chance) => {
    const same = candidates.find(({ instance }) => instance.path === memory);
    return same === undefined ? strategy(candidates, memory, chance) : remembering(same);
  };
}

/** The one whose last failure is longest ago; those that never failed first. One after the other among equals. */
export const leastRecentlyFailed: Strategy = (candidates, memory, chance) => {
  const since = ({ failedMs = Number.NEGATIVE_INFINITY }: Candidate): number => failedMs;
  const longestAgo = Math.min(...candidates.map(since));
  const [first, ...others] = candidates.filter((candidate) => since(candidate) === longestAgo);
  return first === undefined ? remembering(candidates[0]) : roundRobin([first, ...others], memory, chance);
};

/** The strategy of that name. @throws RangeError if there is none */
export function strategyNamed(name: StrategyName): Strategy {
  if (Object.hasOwn(byName, name)) return byName[name];
  throw new RangeError(`${JSON.stringify(name)} is not a strategy; use one of ${Object.keys(byName).join(", ")}.`);
}

const byName: Readonly<Record<StrategyName, Strategy>> = {
  "round-robin": roundRobin,
  random,
  weighted,
  sticky: sticky(random),
  "least-recently-failed": leastRecentlyFailed,
};

/**
 * Those of one's own zone, if there are at least `atLeast` of them; otherwise all: a zone that has lost most of its
 * instances would only break down under everybody who prefers it.
 */
export function preferZone<P>(
  candidates: readonly Candidate<P>[],
  zone: string | undefined,
  atLeast = 1,
): readonly Candidate<P>[] {
  if (zone === undefined) return candidates;
  const own = candidates.filter(({ instance }) => instance.zone === zone);
  return own.length >= Math.max(1, atLeast) ? own : candidates;
}

/** The place of the first whose path comes after `path`. */
function firstAfter(candidates: Candidates, path: string): number {
  let [low, high] = [0, candidates.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((candidates[middle]?.instance.path ?? path) > path) high = middle;
    else low = middle + 1;
  }
  return low;
}

function at<P>(candidates: Candidates<P>, chance: number): Candidate<P> {
  return candidates[Math.floor(chance * candidates.length)] ?? candidates[0];
}

function remembering<P>(chosen: Candidate<P>): Choice<P> {
  return { chosen, memory: chosen.instance.path };
}
