/**
 * Which instance is next. Pure: a strategy is a function from the candidates, what it remembers and one random number to a
 * choice and what to remember then. Chance comes in from outside, so that equal inputs give equal choices.
 *
 *   roundRobin           one after the other, from a random one on, so that many clients do not march in step
 *   random               any
 *   weighted             any, each in proportion to its weight
 *   sticky(strategy)     the same as long as it is there, otherwise as the other strategy says
 *   leastRecentlyFailed  whose last failure is longest ago, one after the other among equals
 *
 * What has to be worked out of all candidates is worked out once for each list of them; a choice then takes logarithmic time.
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
  const sums = weightSums(candidates);
  const total = sums.at(-1) ?? 0;
  if (!(total > 0)) return remembering(at(candidates, chance));
  const heavier = (than: number): number => firstPlace(sums.length, (i) => (sums[i] ?? 0) > than);
  // Rounding may come to the last sum itself, which is that of the last one who weighs anything.
  const last = firstPlace(sums.length, (i) => (sums[i] ?? 0) >= total);
  return remembering(candidates[Math.min(heavier(chance * total), last)] ?? candidates[0]);
};

/** The weights of the candidates up to each. */
const weightSums = oncePerList((candidates) => {
  let sum = 0;
  return candidates.map(({ instance }) => {
    sum += instance.weight;
    return sum;
  });
});

/** The one that was chosen last while it is there, otherwise as `strategy` says. */
export function sticky(strategy: Strategy): Strategy {
  return (candidates, memory, chance) => {
    const last = memory === undefined ? undefined : candidates[firstAfter(candidates, memory) - 1];
    const same = last?.instance.path === memory ? last : undefined;
    return same === undefined ? strategy(candidates, memory, chance) : remembering(same);
  };
}

/** The one whose last failure is longest ago; those that never failed first. One after the other among equals. */
export const leastRecentlyFailed: Strategy = (candidates, memory, chance) =>
  roundRobin(equallyLongAgo(candidates) as typeof candidates, memory, chance);

/** Those of whom none has failed longer ago, in their order. */
const equallyLongAgo = oncePerList((candidates): Candidates => {
  const since = ({ failedMs = Number.NEGATIVE_INFINITY }: Candidate): number => failedMs;
  const longestAgo = candidates.reduce((ms, candidate) => Math.min(ms, since(candidate)), Number.POSITIVE_INFINITY);
  const [first, ...others] = candidates.filter((candidate) => since(candidate) === longestAgo);
  return first === undefined ? candidates : [first, ...others];
});

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
  return firstPlace(candidates.length, (i) => (candidates[i]?.instance.path ?? path) > path);
}

/** The first place below `length` at which it is so, `length` if there is none; from there on it must be so at all. */
function firstPlace(length: number, isSo: (place: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isSo(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Remembers the answer for each list. Whoever has other candidates has another list. */
function oncePerList<T extends object>(work: (candidates: Candidates) => T): (candidates: Candidates) => T {
  const known = new WeakMap<Candidates, T>();
  return (candidates) => {
    const answer = known.get(candidates) ?? work(candidates);
    known.set(candidates, answer);
    return answer;
  };
}

function at<P>(candidates: Candidates<P>, chance: number): Candidate<P> {
  return candidates[Math.floor(chance * candidates.length)] ?? candidates[0];
}

function remembering<P>(chosen: Candidate<P>): Choice<P> {
  return { chosen, memory: chosen.instance.path };
}
