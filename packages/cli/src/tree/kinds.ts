/**
 * Which nodes are containers and which have a time to live. No server tells its clients (a stat does not show it), so it has
 * to be said: by paths, in which `*` stands for one name.
 */
import type { NodeKind } from "./tree-node.ts";

/** What is known of a tree's nodes. */
export interface KindHints {
  /** Paths of containers. */
  readonly containers?: readonly string[] | undefined;
  /** Times to live, ms, by path. */
  readonly ttlMs?: ReadonlyMap<string, number> | undefined;
}

/** A function that says what the node at a path is; without a hint, persistent. */
export function kindsOf({ containers = [], ttlMs = new Map() }: KindHints): (path: string) => NodeKind {
  const rules: (readonly [pattern: RegExp, kind: NodeKind])[] = [
    ...containers.map((path) => [patternOf(path), "container"] as const),
    ...[...ttlMs].map(([path, ms]) => [patternOf(path), { ttlMs: ms }] as const),
  ];
  return (path) => rules.find(([pattern]) => pattern.test(path))?.[1] ?? "persistent";
}

function patternOf(path: string): RegExp {
  const parts = path.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`);
}
