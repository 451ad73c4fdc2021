/**
 * One node, with data and stat, in memory.
 *
 * ```ts
 * await using flag = await new NodeCache(client, "/flags/fast-path").start({ timeoutMs: 5_000 });
 * if (flag.node?.data?.toString() === "on") goFast(); // at once
 * ```
 *
 * Znodes     none of its own
 * Invariant  what is held was on the server; it converges to what is there. That there is no node is a state too
 * Wake-up    one watch on the node
 * Suspended  the state says so; what was last known can still be read. On the next connection it is read again
 *            if it has changed
 * Lost       the same: nothing here belongs to a session
 * Not given  every version in between: changes that come together are told as one
 */
import type { Client, ObservedNode } from "@corral/client";
import { boundsOf, Cache, type CacheOptions } from "./cache.ts";
import { watchLevels } from "./levels.ts";

/** See the head of this file. */
export class NodeCache extends Cache {
  /** Remembers; nothing is read before `start()`. @throws RangeError for bounds that are none. */
  constructor(client: Client, path: string, options: CacheOptions = {}) {
    super(client, path, watchLevels(client, path, { depth: 0, ...boundsOf(options) }), options.keep);
  }

  /** The node; `undefined`: it is not there, or not wanted. Throws as `nodes`. */
  get node(): ObservedNode | undefined {
    return this.get(this.path);
  }
}
