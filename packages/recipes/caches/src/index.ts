/** Nodes kept in memory as they are on the server. */
export {
  type Client,
  connect,
  isCoordinationError,
  type ObservedNode,
  type ObservedTree,
  type TreeChange,
} from "@corral/client";
export { isWaitTimeoutError, type WaitOptions, WaitTimeoutError } from "@corral/recipe-kit";
export { Cache, type CacheOptions, type CacheState, type CacheView } from "./cache.ts";
export { ChildrenCache } from "./children-cache.ts";
export {
  CacheOverflowError,
  CacheUnavailableError,
  isCacheOverflowError,
  isCacheUnavailableError,
} from "./errors.ts";
export { NodeCache } from "./node-cache.ts";
export { TreeCache, type TreeCacheOptions } from "./tree-cache.ts";
