/** What TypeScript tells who uses @corral/caches. Nothing of this runs: the compiler is the test. */

import {
  type CacheOverflowError,
  type CacheState,
  type CacheView,
  ChildrenCache,
  type Client,
  isCacheOverflowError,
  NodeCache,
  type ObservedNode,
  type ObservedTree,
  TreeCache,
  type TreeChange,
} from "@corral/caches";
import { expectTypeOf } from "expect-type";
import type { Observable } from "rxjs";

declare const client: Client;

export async function caches(): Promise<void> {
  await using tree = await new TreeCache(client, "/app", { depth: 2, nodesMax: 100 }).start({ timeoutMs: 1_000 });
  // What start() gives is the cache itself, of its own class.
  expectTypeOf(tree).toEqualTypeOf<TreeCache>();
  expectTypeOf(tree.get("/app/a")).toEqualTypeOf<ObservedNode | undefined>();
  expectTypeOf(tree.nodes).toEqualTypeOf<ObservedTree>();
  expectTypeOf(tree.children()).toEqualTypeOf<readonly string[]>();
  expectTypeOf(tree.view$).toEqualTypeOf<Observable<CacheView>>();
  expectTypeOf(tree.changes$).toEqualTypeOf<Observable<TreeChange>>();
  if (tree.state.kind === "overflow") expectTypeOf(tree.state.bytes).toBeNumber();
  expectTypeOf(tree.state).toEqualTypeOf<CacheState>();
  expectTypeOf((await new NodeCache(client, "/app").start()).node).toEqualTypeOf<ObservedNode | undefined>();
  expectTypeOf((await new ChildrenCache(client, "/app").start()).child("a")).toEqualTypeOf<ObservedNode | undefined>();
  // @ts-expect-error: only a tree has a depth
  new ChildrenCache(client, "/app", { depth: 2 });
}

export function errors(error: unknown): void {
  if (isCacheOverflowError(error)) expectTypeOf(error).toEqualTypeOf<CacheOverflowError>();
}
