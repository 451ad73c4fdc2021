/**
 * Quotas as the reference keeps them, in nodes: `/zookeeper/quota/<path>/zookeeper_limits` says how many nodes and bytes
 * there may be at and below a path, `…/zookeeper_stats` how many there are. Both are text, `count=N,bytes=M`, and the limits
 * also `byteHardLimit=` and `countHardLimit=`. Which paths have one is derived from the tree, never stored beside it. Pure.
 */
import { parentPath } from "@corral/protocol";

const root = "/zookeeper/quota/";
const limitsName = "/zookeeper_limits";
const statsName = "/zookeeper_stats";

/** How much there may be; −1: any number. */
export interface QuotaLimits {
  readonly count: number;
  readonly bytes: number;
  readonly countHardLimit: number;
  readonly byteHardLimit: number;
}

/** How much there is. The path's own node counts, and data but not names. */
export interface QuotaUsage {
  readonly count: number;
  readonly bytes: number;
}

/** Why a write is told of, or refused. */
export type QuotaExcess = TooMuch | Unreadable;

/** More than a soft limit allows, or than a hard one would. */
export interface TooMuch {
  /** The path that has the quota. */
  readonly quota: string;
  readonly of: "count" | "bytes";
  readonly limit: number;
  /** What there is with what was asked for. */
  readonly wanted: number;
  readonly isHard: boolean;
}

/** Nobody can say how much there may be, or how much there is. */
export interface Unreadable {
  readonly quota: string;
  /** The node of the quota whose text it is. */
  readonly unreadable: string;
}

/** The node with the limits of a path's quota. */
export function limitsPath(quota: string): string {
  return `/zookeeper/quota${quota}${limitsName}`;
}

/** The node with what there is below a path with a quota. */
export function statsPath(quota: string): string {
  return `/zookeeper/quota${quota}${statsName}`;
}

/** The path whose quota a node describes, and which half of it; `undefined` for nearly every node. */
export function describedQuota(
  path: string,
): { readonly quota: string; readonly half: "limits" | "stats" } | undefined {
  if (!path.startsWith(root)) return undefined;
  const half = path.endsWith(limitsName) ? "limits" : path.endsWith(statsName) ? "stats" : undefined;
  const quota = parentPath(path).slice(root.length - 1);
  // The root itself has none, as the reference has it.
  return half === undefined || quota === "" ? undefined : { quota, half };
}

const none: QuotaLimits = { count: -1, bytes: -1, countHardLimit: -1, byteHardLimit: -1 };
const maxLong = 2 ** 63;

/**
 * One `name=value`, with what separates it from the next. What comes from a second `=` on is left out, as by the reference; an empty
 * value is −1, but only if more than `=` follows. No part of a text is gone through more than a few times, whatever it says: anybody may
 * write one.
 */
const pair = /([^,;=]*)=(?:([+-]?\d+)(?![^,;=])|=+[^,;=])[^,;]*(?:[,;]+|$)/y;

/** `undefined` for what the reference cannot read either. Empty text sets no limit; what is not known is left out. */
export function parseQuotaLimits(data: Uint8Array | null): QuotaLimits | undefined {
  if (data === null) return undefined;
  const limits = { ...none };
  const text = Buffer.from(data).toString("latin1");
  for (pair.lastIndex = 0; pair.lastIndex < text.length; ) {
    const [, name, value = "-1"] = pair.exec(text) ?? [];
    const number = Number(value);
    if (name === undefined || Math.abs(number) >= maxLong) return undefined;
    if (Object.hasOwn(limits, name)) limits[name as keyof QuotaLimits] = number;
  }
  return limits;
}

/** What the text of a quota's node says; no numbers if it cannot be read. */
export interface QuotaReading {
  readonly numbers: QuotaLimits | undefined;
}

/** What the numbers mean where they are those of a stats node. */
export function quotaUsage({ count, bytes }: QuotaLimits): QuotaUsage {
  return { count: Math.max(count, 0), bytes: Math.max(bytes, 0) };
}

/** The text of a stats node. */
export function formatQuotaUsage({ count, bytes }: QuotaUsage): Buffer {
  return Buffer.from(`count=${Math.max(count, 0)},bytes=${Math.max(bytes, 0)}`);
}

/** Where more nodes or bytes would be too many: of a kind that has a hard limit only that one counts. */
export function quotaExcesses(quota: string, limits: QuotaLimits, usage: QuotaUsage, more: QuotaUsage): TooMuch[] {
  const found: TooMuch[] = [];
  const look = (of: "count" | "bytes", soft: number, hard: number): void => {
    const limit = hard > -1 ? hard : soft;
    const wanted = usage[of] + more[of];
    if (more[of] !== 0 && limit > -1 && wanted > limit) found.push({ quota, of, limit, wanted, isHard: hard > -1 });
  };
  look("count", limits.count, limits.countHardLimit);
  look("bytes", limits.bytes, limits.byteHardLimit);
  return found;
}
