/**
 * From checks and reports to a state of health. Pure. One failure need not mean much: it takes so many in a row to warn, so
 * many to be critical, and so many successes in a row to be well again. With a time to live, silence is a failure too:
 * whoever has not heard anything good for so long is critical.
 */
import type { HealthState } from "./instance.ts";

/** When a state changes. */
export interface HealthPolicy {
  /** Failures in a row until `warning`. */
  readonly failuresToWarn: number;
  /** Failures in a row until `critical`. */
  readonly failuresToFail: number;
  /** Successes in a row until `passing` again. */
  readonly successesToPass: number;
  /** Without anything good for so long, ms: `critical`. */
  readonly ttlMs: number | undefined;
}

/** What is known of an instance's health. */
export interface Health {
  readonly state: HealthState;
  /** Why, for people. */
  readonly note: string | undefined;
  readonly failures: number;
  readonly successes: number;
  /** When something good was last heard, elapsed time. */
  readonly goodMs: number;
}

/** What is heard of an instance's health. */
export type HealthEvent =
  /** A check resolved. */
  | { readonly kind: "success" }
  /** A check rejected, or took too long. */
  | { readonly kind: "failure"; readonly note: string }
  /** A check, or the owner, says how it is: that counts at once. */
  | { readonly kind: "state"; readonly state: HealthState; readonly note: string | undefined }
  /** The owner wants it to leave; that stays so whatever checks say, until the owner reports another state. */
  | { readonly kind: "report"; readonly state: HealthState; readonly note: string | undefined }
  /** Time has passed. */
  | { readonly kind: "time" };

/** How it begins. */
export function initialHealth(state: HealthState, nowMs: number): Health {
  return { state, note: undefined, failures: 0, successes: 0, goodMs: nowMs };
}

/** What an event makes of it. */
export function nextHealth(health: Health, event: HealthEvent, policy: HealthPolicy, nowMs: number): Health {
  switch (event.kind) {
    case "report":
      return reported(health, event.state, event.note, nowMs);
    case "state":
      return health.state === "draining" ? health : reported(health, event.state, event.note, nowMs);
    case "success":
      return onSuccess(health, policy, nowMs);
    case "failure":
      return onFailure(health, event.note, policy);
    case "time":
      return isSilent(health, policy, nowMs)
        ? { ...health, state: "critical", note: `nothing good heard for ${policy.ttlMs} ms`, successes: 0 }
        : health;
  }
}

function reported(health: Health, state: HealthState, note: string | undefined, nowMs: number): Health {
  const isGood = state === "passing" || state === "warning";
  return { state, note, failures: 0, successes: 0, goodMs: isGood ? nowMs : health.goodMs };
}

function onSuccess(health: Health, policy: HealthPolicy, nowMs: number): Health {
  const successes = health.successes + 1;
  const heard = { ...health, failures: 0, successes, goodMs: nowMs };
  if (health.state === "draining" || health.state === "passing" || successes < policy.successesToPass) return heard;
  return { ...heard, state: "passing", note: undefined };
}

function onFailure(health: Health, note: string, policy: HealthPolicy): Health {
  const failures = health.failures + 1;
  const heard = { ...health, failures, successes: 0 };
  if (health.state === "draining") return heard;
  // The first reason is kept: what is written is read by everybody who uses the service.
  if (health.state === "critical") return { ...heard, note: health.note ?? note };
  if (failures >= policy.failuresToFail) return { ...heard, state: "critical", note };
  if (failures >= policy.failuresToWarn && health.state === "passing") return { ...heard, state: "warning", note };
  return heard;
}

function isSilent({ state, goodMs }: Health, { ttlMs }: HealthPolicy, nowMs: number): boolean {
  return ttlMs !== undefined && (state === "passing" || state === "warning") && nowMs - goodMs >= ttlMs;
}
