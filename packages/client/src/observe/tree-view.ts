/** Observed trees as a view of the tree shows them, and what is new in one of them. */
import type { Chroot } from "../chroot.ts";
import type { Stat } from "../stat.ts";
import type { NodeState } from "./observers.ts";
import type { TreeState } from "./tree-follower.ts";

/** A node as `watchNode` and `watchTree` show it. */
export interface ObservedNode {
  readonly path: string;
  /** Shared by all who watch the node: not to be written into. */
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** All nodes at and below a path, by their paths, in no particular order. What has not changed is the same object. */
export type ObservedTree = ReadonlyMap<string, ObservedNode>;

/** A function that shows the states of one tree in a view, one after the other. */
export function treeView(chroot: Chroot): (state: TreeState) => ObservedTree | undefined {
  const shown = new WeakMap<NodeState, ObservedNode>();
  return (state) => {
    if (state === undefined) return undefined;
    const tree = new Map<string, ObservedNode>();
    for (const [serverPath, node] of state) {
      const path = chroot.toClient(serverPath);
      const known = shown.get(node) ?? { path, ...node };
      shown.set(node, known);
      tree.set(path, known);
    }
    return tree;
  };
}

/** What happened to one node between two states of a tree. `recreated`: it was deleted and made again. */
export interface TreeChange {
  readonly type: "created" | "changed" | "recreated" | "deleted";
  readonly path: string;
  /** As it was; absent if it was not. */
  readonly before?: ObservedNode;
  /** As it is; absent if it is not. */
  readonly after?: ObservedNode;
}

/**
 * What has changed from one state of a tree to another, also if there were states in between that nobody looked at:
 * parents before their children where nodes were made, after them where they went.
 */
export function treeChanges(before: ObservedTree | undefined, after: ObservedTree | undefined): TreeChange[] {
  const deleted: TreeChange[] = [];
  const others: TreeChange[] = [];
  for (const [path, node] of before ?? []) if (!after?.has(path)) deleted.push({ type: "deleted", path, before: node });
  for (const [path, node] of after ?? []) {
    const known = before?.get(path);
    if (known === node) continue;
    if (known === undefined) others.push({ type: "created", path, after: node });
    else if (known.stat.czxid !== node.stat.czxid) others.push({ type: "recreated", path, before: known, after: node });
    else if (known.stat.mzxid !== node.stat.mzxid) others.push({ type: "changed", path, before: known, after: node });
  }
  return [...deleted.sort((a, b) => byPath(b, a)), ...others.sort(byPath)];
}

function byPath(a: TreeChange, b: TreeChange): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
