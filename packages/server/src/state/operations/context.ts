/** What every operation works on, and what it leaves behind for the watches. */
import type { Acl, Id, WatchEventType } from "@corral/protocol";
import type { DataTree, Stamp } from "../data-tree.ts";
import type { QuotaExcess } from "../quota.ts";
import type { SessionTable } from "../session-table.ts";

/** Something that watches may be waiting for. */
export interface Firing {
  readonly type: WatchEventType;
  readonly path: string;
  /** Of the node that the event speaks of: without READ by it nobody hears the event. */
  readonly acl: readonly Acl[];
}

/** What an operation may look at and change. */
export interface OperationContext {
  readonly tree: DataTree;
  readonly sessions: SessionTable;
  readonly stamp: Stamp;
  readonly sessionId: bigint;
  readonly identities: readonly Id[];
  /** Whether what is beyond a hard quota is refused. */
  readonly enforcesQuota: boolean;
  /** Whether the entry does what it did in logs of old; see `Entry`. */
  readonly oldRules: boolean;
  /** What happened, in order; emptied by whoever applies. */
  firings: Firing[];
  /** Quotas that a write went beyond, or tried to. */
  readonly excesses: QuotaExcess[];
}

/** Notes what happened. A list that begins with all that an operation fires is much smaller than one that grows to it. */
export function fire(context: OperationContext, ...firings: Firing[]): void {
  if (context.firings.length === 0) context.firings = firings;
  else context.firings.push(...firings);
}
