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

/**
 * A function that says what the node at a path is; without a hint, persistent. `onFitting` is told each hint, as it was given, that
 * a path fits.
 */
export function kindsOf(
  { containers = [], ttlMs = new Map() }: KindHints,
  onFitting: (hint: string) => void = () => undefined,
): (path: string) => NodeKind {
  const rules: readonly { readonly hint: string; readonly pattern: RegExp; readonly kind: NodeKind }[] = [
    ...containers.map((hint) => ({ hint, pattern: patternOf(hint), kind: "container" }) as const),
    ...[...ttlMs].map(([hint, ms]) => ({ hint, pattern: patternOf(hint), kind: { ttlMs: ms } })),
  ];
  return (path) => {
    const fitting = rules.filter(({ pattern }) => pattern.test(path));
    for (const { hint } of fitting) onFitting(hint);
    return fitting[0]?.kind ?? "persistent";
  };
}

function patternOf(path: string): RegExp {
  const parts = path.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`);
}
