/** A node as it is copied: what of it a client can read, and make again elsewhere. */
import type { Acl } from "@corral/client";

/** What ends a node's life besides a delete. */
export type NodeKind = "persistent" | "container" | { readonly ttlMs: number };

/** One node. */
export interface TreeNode {
  /** Below the root of the copy, which is `/`. */
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  readonly kind: NodeKind;
  /** Children ever created below it: the next sequence number. */
  readonly childCreates: number;
}

/** Children ever created, from what a stat shows: creates and deletes, and who is there. */
export function childCreatesOf(stat: { readonly cversion: number; readonly numChildren: number }): number {
  return Math.max(0, Math.floor((stat.cversion + stat.numChildren) / 2));
}

/** The path of the node above; of `/` itself `/`. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** Whether the last part of a path ends in a sequence number. */
export function hasSequenceNumber(path: string): boolean {
  return /\d{10}$/.test(path);
}

/** Whether `path` is `above` or stands below it. */
export function isAtOrBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(above === "/" ? "/" : `${above}/`);
}

/**
 * Servers hide the digests of an access list from who has no ADMIN permission: all of them are `user:x` then, which is nobody's.
 * Somebody may have set such a list, too.
 */
export function hasHiddenIds(acl: readonly Acl[]): boolean {
  const digests = acl.filter(({ id }) => id.scheme === "digest");
  return digests.length > 0 && digests.every(({ id }) => id.id.endsWith(":x"));
}
