/**
 * The children of a node, with data and stat, in memory. The node itself and what is below the children are not held.
 *
 * ```ts
 * await using workers = await new ChildrenCache(client, "/workers").start({ timeoutMs: 5_000 });
 * for (const name of workers.children()) render(name, workers.child(name)?.data);
 * ```
 *
 * Znodes     none of its own
 * Invariant  what is held was, child by child, on the server; it converges to what is there
 * Wake-up    one watch on the list of the children, one on the node, one on each child
 * Suspended  the state says so; what was last known can still be read. On the next connection everything is read again
 * Lost       the same: nothing here belongs to a session
 * Not given  as TreeCache has it. Whether the node itself exists: without it there are no children
 */
import type { Client, ObservedNode } from "@corral/client";
import { boundsOf, Cache, type CacheOptions } from "./cache.ts";
import { watchLevels } from "./levels.ts";
import { childPath } from "./paths.ts";

/** See the head of this file. */
export class ChildrenCache extends Cache {
  /** Remembers; nothing is read before `start()`. @throws RangeError for bounds that are none. */
  constructor(client: Client, path: string, options: CacheOptions = {}) {
    const { keep } = options;
    const source = watchLevels(client, path, { depth: 1, ...boundsOf(options) });
    super(client, path, source, (node) => node.path !== path && (keep === undefined || keep(node)));
  }

  /** The child of this name; `undefined`: it is not there, or not wanted. Throws as `nodes`. */
  child(name: string): ObservedNode | undefined {
    return this.get(childPath(this.path, name));
  }
}
