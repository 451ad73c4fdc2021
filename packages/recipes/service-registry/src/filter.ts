/** Which instances one wants. Pure. */
import type { HealthState, ServiceInstance } from "./instance.ts";

/** Every condition that is given must hold. */
export interface InstanceFilter<P = unknown> {
  /** It has all of these tags. */
  readonly tags?: readonly string[] | undefined;
  /** It runs in this zone. */
  readonly zone?: string | undefined;
  /** It is in one of these states. */
  readonly health?: HealthState | readonly HealthState[] | undefined;
  /** It is switched on, or off. */
  readonly enabled?: boolean | undefined;
  /** Its metadata has these values. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Anything else. */
  readonly where?: ((instance: ServiceInstance<P>) => boolean) | undefined;
}

/** Whether the instance is one of those. */
export function isWanted<P>(instance: ServiceInstance<P>, filter: InstanceFilter<P>): boolean {
  const { tags = [], zone, health, enabled, metadata = {}, where } = filter;
  if (!tags.every((tag) => instance.tags.includes(tag))) return false;
  if (zone !== undefined && instance.zone !== zone) return false;
  if (health !== undefined && !(typeof health === "string" ? [health] : health).includes(instance.health)) return false;
  if (enabled !== undefined && instance.enabled !== enabled) return false;
  for (const [key, value] of Object.entries(metadata)) {
    if (!Object.hasOwn(instance.metadata, key) || instance.metadata[key] !== value) return false;
  }
  return where?.(instance) ?? true;
}
