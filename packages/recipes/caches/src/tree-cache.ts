/**
 * A whole tree in memory, or as much of it as is wanted, kept as it is on the server.
 *
 * ```ts
 * await using config = await new TreeCache(client, "/config").start({ timeoutMs: 5_000 });
 * config.get("/config/limits")?.data; // at once
 * config.changes$.subscribe(({ type, path, before, after }) => log(type, path));
 * ```
 *
 * Znodes     none of its own
 * Invariant  what is held was, node by node, on the server; it converges to what is there. Each state is told after the
 *            one before, and what is gone from the server is gone from the cache
 * Wake-up    one recursive watch where servers have it (ours, Apache's from 3.9 on) and neither `depth` nor `descend` is
 *            given; otherwise two watches for each node that is followed
 * Suspended  the state says so; what was last known can still be read. On the next connection everything is read again
 * Lost       the same: nothing here belongs to a session
 * Not given  one moment for all nodes: two may be of different zxids. Every version in between: changes that come together
 *            are told as one. `stat.numChildren`, `cversion` and `pzxid` are as of the last read of the node's own data:
 *            ask `children()`
 */
import type { Client } from "@corral/client";
import { boundsOf, Cache, type CacheOptions } from "./cache.ts";
import { watchLevels } from "./levels.ts";
import { watchWhole } from "./watch-whole.ts";

/** Of a TreeCache. */
export interface TreeCacheOptions extends CacheOptions {
  /** How far down to go: 0, the node alone; 1, its children too; … Default: all the way. */
  readonly depth?: number | undefined;
  /** Whether to go down below the node of this path, which is followed itself. Default: always. */
  readonly descend?: ((path: string) => boolean) | undefined;
}

/** See the head of this file. */
export class TreeCache extends Cache {
  /** Remembers; nothing is read before `start()`. @throws RangeError for bounds or a depth that are none. */
  constructor(client: Client, path: string, options: TreeCacheOptions = {}) {
    const { depth = Number.POSITIVE_INFINITY, descend, keep } = options;
    if (!(depth >= 0)) throw new RangeError(`TreeCache ${path}: the depth is ${depth}; it must be 0 or more.`);
    const bounds = boundsOf(options);
    const isWhole = depth === Number.POSITIVE_INFINITY && descend === undefined;
    const source = isWhole
      ? watchWhole(client, path, bounds)
      : watchLevels(client, path, { depth, descend, ...bounds });
    super(client, path, source, keep);
  }
}
