/**
 * A whole tree, bounded: counted before it is read, as far as the server counts, and measured whenever it has changed. On
 * every connection it is followed anew: its first state there is the first that is certainly not out of date.
 */
import { type Client, isCoordinationError, type ObservedTree } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import { distinctUntilChanged, map, Observable, of, switchMap } from "rxjs";
import { bytesOfTree } from "./contents.ts";
import { type Bounds, CacheOverflowError } from "./errors.ts";
import { type Known, suspended } from "./known.ts";

/** The tree at `root`, as `client.watchTree` has it. Errors with CacheOverflowError too. */
export function watchWhole(client: Client, root: string, bounds: Bounds): Observable<Known> {
  const check = (nodes: number, bytes: number): void => {
    if (nodes > bounds.nodesMax || bytes > bounds.bytesMax)
      throw new CacheOverflowError(root, { nodes, bytes }, bounds);
  };
  const current = (tree: ObservedTree | undefined): Known => {
    check(tree?.size ?? 0, bytesOfTree(tree));
    return { state: "current", tree };
  };
  const followed$ = counted(client, root).pipe(
    map((nodes) => check(nodes, 0)),
    switchMap(() => client.watchTree(root)),
    map(current),
  );
  return client.state$.pipe(
    map(({ state }) => state === "connected"),
    distinctUntilChanged(),
    switchMap((isConnected) => (isConnected ? followed$ : of(suspended))),
  );
}

/** How many nodes there are; 0 if that cannot be told without reading them. */
function counted(client: Client, root: string): Observable<number> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    insist(client, () => count(client, root, stop.signal), stop.signal).then(
      (nodes) => {
        subscriber.next(nodes);
        subscriber.complete();
      },
      (error: unknown) => {
        if (isCoordinationError(error, "ClientClosed")) subscriber.complete();
        else subscriber.error(error);
      },
    );
    return () => stop.abort();
  });
}

async function count(client: Client, root: string, signal: AbortSignal): Promise<number> {
  try {
    return (await client.getAllChildrenNumber(root, { signal })) + 1;
  } catch (error) {
    // Not there yet, or a server that does not count: what is read tells.
    const isUntold = (["NoNode", "Unimplemented", "NoAuth"] as const).some((code) => isCoordinationError(error, code));
    if (isUntold) return 0;
    throw error;
  }
}
