/** Whether there is room for what a write would add, where somebody has set a quota. */
import { limitsPath, parseQuotaLimits, parseQuotaUsage, quotaExcesses, statsPath } from "../quota.ts";
import type { OperationContext } from "./context.ts";

/**
 * Whether the write must be refused: beyond a hard limit, and limits are enforced. What is beyond a limit and not refused
 * is left for the log.
 */
export function isBeyondQuota(context: OperationContext, path: string, moreNodes: number, moreBytes: number): boolean {
  const { tree } = context;
  const quota = tree.quotaAbove(path);
  if (quota === undefined) return false;
  const limits = tree.get(limitsPath(quota));
  const stats = tree.get(statsPath(quota));
  if (limits === undefined || stats === undefined) return false;
  const more = { count: moreNodes, bytes: moreBytes };
  const excesses = quotaExcesses(quota, parseQuotaLimits(limits.data), parseQuotaUsage(stats.data), more);
  context.excesses.push(...excesses);
  return context.enforcesQuota && excesses.some(({ isHard }) => isHard);
}
