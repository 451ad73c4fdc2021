/** Whether there is room for what a write would add, where somebody has set a quota. */
import { ErrorCode } from "@corral/protocol";
import { limitsPath, quotaExcesses, quotaUsage, statsPath } from "../quota.ts";
import type { OperationContext } from "./context.ts";

/**
 * Why the write must be refused, if limits are enforced: it is beyond a hard limit, or nobody can say whether it is. What is
 * not refused is left for the log.
 */
export function quotaError(
  context: OperationContext,
  path: string,
  moreNodes: number,
  moreBytes: number,
): ErrorCode | undefined {
  const { tree, enforcesQuota } = context;
  const quota = tree.quotaAbove(path);
  if (quota === undefined) return undefined;
  const [limitsNode, statsNode] = [limitsPath(quota), statsPath(quota)];
  const [limits, stats] = [tree.get(limitsNode), tree.get(statsNode)];
  if (limits === undefined || stats === undefined) return undefined;
  const [most, counted] = [tree.quotaNumbers(limits), tree.quotaNumbers(stats)];
  if (most === undefined || counted === undefined) {
    context.excesses.push({ quota, unreadable: most === undefined ? limitsNode : statsNode });
    return enforcesQuota ? ErrorCode.MarshallingError : undefined;
  }
  const excesses = quotaExcesses(quota, most, quotaUsage(counted), { count: moreNodes, bytes: moreBytes });
  context.excesses.push(...excesses);
  return enforcesQuota && excesses.some(({ isHard }) => isHard) ? ErrorCode.QuotaExceeded : undefined;
}
