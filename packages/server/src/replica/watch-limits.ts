/** How much may be watched, by one connection and by all. */
import type { Limits } from "../limits.ts";
import type { WatchTable } from "../watch/watch-table.ts";
import type { Connection } from "./connection.ts";

/** What is too much, of what the connection watches; undefined: nothing is. */
export function excessOfWatches(
  { watchedPaths, watchedText }: Connection,
  watches: Pick<WatchTable<Connection>, "size">,
  { maxWatchesPerConnection, maxWatchedTextPerConnection, maxWatches }: Limits,
): string | undefined {
  if (watchedPaths.size === 0) return undefined;
  if (watchedPaths.size > maxWatchesPerConnection) {
    return `it set more than ${maxWatchesPerConnection} watches (limit maxWatchesPerConnection)`;
  }
  if (watchedText > maxWatchedTextPerConnection) {
    return `the paths it watches have more than ${maxWatchedTextPerConnection} characters (limit maxWatchedTextPerConnection)`;
  }
  return watches.size > maxWatches ? `${watches.size} watches are set (limit maxWatches)` : undefined;
}
