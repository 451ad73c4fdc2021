/**
 * When an instance that fails is left alone for a while: after so many failures within a certain time. Pure. Curator's
 * policy is two within thirty seconds, for thirty seconds.
 */

/** When, and for how long. */
export interface DownPolicy {
  /** So many failures … Default 2. */
  readonly failures: number;
  /** … within so long, ms. Default 30 000. */
  readonly withinMs: number;
  /** take it out for so long, ms. Default 30 000. */
  readonly forMs: number;
}

/** What is remembered of an instance's failures. */
export interface FailureRecord {
  /** The latest, oldest first, elapsed time; at most as many as the policy counts. */
  readonly failedMs: readonly number[];
  /** Out until then, elapsed time. */
  readonly downUntilMs: number | undefined;
}

/** As Curator has it. */
export const defaultDownPolicy: DownPolicy = { failures: 2, withinMs: 30_000, forMs: 30_000 };

/** Nothing has failed. */
export const noFailures: FailureRecord = { failedMs: [], downUntilMs: undefined };

/** Checks a policy. @throws RangeError */
export function checkDownPolicy(policy: DownPolicy): DownPolicy {
  const { failures, withinMs, forMs } = policy;
  if (Number.isInteger(failures) && failures >= 1 && withinMs > 0 && forMs > 0) return policy;
  throw new RangeError(
    `down: { failures: ${failures}, withinMs: ${withinMs}, forMs: ${forMs} }: all must be above 0, failures a whole number.`,
  );
}

/** One more failure. One that is out stays out until its time has come, and begins afresh then. */
export function noteFailure(record: FailureRecord, policy: DownPolicy, nowMs: number): FailureRecord {
  const recent = [...record.failedMs.filter((ms) => nowMs - ms < policy.withinMs), nowMs].slice(-policy.failures);
  if (isDown(record, nowMs)) return { ...record, failedMs: recent };
  const since = record.downUntilMs === undefined ? recent : recent.filter((ms) => ms >= (record.downUntilMs ?? 0));
  if (since.length < policy.failures) return { ...record, failedMs: recent };
  return { failedMs: recent, downUntilMs: nowMs + policy.forMs };
}

/** Whether it is left alone now. */
export function isDown(record: FailureRecord, nowMs: number): boolean {
  return record.downUntilMs !== undefined && nowMs < record.downUntilMs;
}

/** Whether nothing of it matters any more, so that it can be forgotten. */
export function isForgotten(record: FailureRecord, policy: DownPolicy, nowMs: number): boolean {
  return !isDown(record, nowMs) && record.failedMs.every((ms) => nowMs - ms >= Math.max(policy.withinMs, policy.forMs));
}
