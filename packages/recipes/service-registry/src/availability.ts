/** Which instances may be chosen now, and why the others may not. Pure. */
import { type FailureRecord, isDown } from "./down-policy.ts";
import { type InstanceFilter, isWanted } from "./filter.ts";
import type { HealthState, ServiceInstance } from "./instance.ts";
import { type Candidate, preferZone } from "./strategies.ts";

/** Why an instance is not chosen. */
export type Exclusion =
  /** The provider's filter does not want it. */
  | "filtered"
  /** Its owner has switched it off. */
  | "disabled"
  /** It does not do well enough. */
  | "unhealthy"
  /** It has failed too often of late. */
  | "down"
  /** There are enough in one's own zone. */
  | "other zone";

/** What a provider wants of an instance. */
export interface Wishes<P> {
  readonly filter: InstanceFilter<P>;
  readonly health: readonly HealthState[];
  readonly zone: string | undefined;
  readonly zoneAtLeast: number;
}

/** An instance, and whether it may be chosen. */
export interface Assessed<P = unknown> {
  readonly instance: ServiceInstance<P>;
  readonly excluded: Exclusion | undefined;
  /** If it is down: until then, elapsed time. */
  readonly downUntilMs: number | undefined;
}

/** Assesses instances. `recordOf` tells what is remembered of their failures. `evenDown`: those that are down may be chosen. */
export function assess<P>(
  instances: readonly ServiceInstance<P>[],
  wishes: Wishes<P>,
  recordOf: (instance: ServiceInstance<P>) => FailureRecord,
  nowMs: number,
  evenDown = false,
): { readonly all: readonly Assessed<P>[]; readonly candidates: readonly Candidate<P>[] } {
  const possible: Candidate<P>[] = [];
  const excluded = new Map<ServiceInstance<P>, Exclusion>();
  for (const instance of instances) {
    const record = recordOf(instance);
    const why = exclusion(instance, wishes, !evenDown && isDown(record, nowMs));
    if (why === undefined) possible.push({ instance, failedMs: record.failedMs.at(-1) });
    else excluded.set(instance, why);
  }
  possible.sort((a, b) => (a.instance.path < b.instance.path ? -1 : 1));
  const candidates = preferZone(possible, wishes.zone, wishes.zoneAtLeast);
  const chosen = new Set(candidates.map(({ instance }) => instance));
  const all = instances.map((instance) => {
    const why = excluded.get(instance) ?? (chosen.has(instance) ? undefined : "other zone");
    return { instance, excluded: why, downUntilMs: why === "down" ? recordOf(instance).downUntilMs : undefined };
  });
  return { all, candidates };
}

function exclusion<P>(instance: ServiceInstance<P>, wishes: Wishes<P>, down: boolean): Exclusion | undefined {
  if (!isWanted(instance, wishes.filter)) return "filtered";
  if (!instance.enabled) return "disabled";
  if (!wishes.health.includes(instance.health)) return "unhealthy";
  return down ? "down" : undefined;
}
