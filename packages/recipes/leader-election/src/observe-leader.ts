/** Who leads, as a stream: for those who only want to know. */
import type { Client, ObservedNode } from "@corral/client";
import { childPath } from "@corral/recipe-kit";
import { combineLatest, distinctUntilChanged, map, type Observable, of, switchMap } from "rxjs";
import { leaderName } from "./decide.ts";

/** The leader as others see it. */
export interface Leader {
  /** What it gave as `identity`. */
  readonly identity: string;
  /** Its node. */
  readonly path: string;
  readonly sessionId: bigint;
  /** When it joined the election, wall clock of the server, ms since 1970. */
  readonly sinceMs: number;
  /** Tells one tenure from the next, and grows. */
  readonly fencingToken: bigint;
}

/** `none`: nobody leads. `suspended`: we cannot know, for we are not connected. */
export type LeaderView = Leader | "none" | "suspended";

/** The present leader first, then every change. */
export function observeLeader(client: Client, path: string): Observable<LeaderView> {
  const leader$ = combineLatest([client.watchChildren(path), client.watchNode(path)]).pipe(
    map(([names, election]) => ({ name: leaderName(names ?? [], election?.data?.toString("utf8")), election })),
    distinctUntilChanged((a, b) => a.name === b.name),
    switchMap(({ name, election }) => {
      if (name === undefined) return of("none" as const);
      const recorded = election?.data?.toString("utf8") === name;
      return client
        .watchNode(childPath(path, name))
        .pipe(map((node) => toLeader(node, recorded ? election.stat.mzxid : undefined)));
    }),
  );
  return combineLatest([client.state$, leader$]).pipe(
    map(([{ state }, leader]) => (state === "connected" ? leader : "suspended")),
    distinctUntilChanged(sameView),
  );
}

function toLeader(node: ObservedNode | undefined, recordedZxid: bigint | undefined): Leader | "none" {
  if (node === undefined) return "none";
  return {
    identity: node.data?.toString("utf8") ?? "",
    path: node.path,
    sessionId: node.stat.ephemeralOwner,
    sinceMs: node.stat.ctimeMs,
    fencingToken: recordedZxid ?? node.stat.czxid,
  };
}

function sameView(a: LeaderView, b: LeaderView): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.path === b.path && a.fencingToken === b.fencingToken && a.identity === b.identity;
}
