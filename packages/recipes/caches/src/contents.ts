/** What a cache holds, as a value. Pure. */
import type { ObservedNode, ObservedTree } from "@corral/client";
import { nodeName, parentPath } from "./paths.ts";

/** The nodes that were chosen out of a tree, by their paths. Never changed once it is made. */
export class Contents {
  static readonly none = new Contents(new Map());
  readonly nodes: ObservedTree;
  #childrenOf: Map<string, string[]> | undefined;

  private constructor(nodes: ObservedTree) {
    this.nodes = nodes;
  }

  /** Those nodes of `tree` that `keep` wants. */
  static of(tree: ObservedTree | undefined, keep: ((node: ObservedNode) => boolean) | undefined): Contents {
    if (tree === undefined) return Contents.none;
    if (keep === undefined) return new Contents(tree);
    const kept = new Map<string, ObservedNode>();
    for (const [path, node] of tree) if (keep(node)) kept.set(path, node);
    return new Contents(kept);
  }

  /** The names of the children of `path` that are held, sorted by code unit. */
  children(path: string): readonly string[] {
    this.#childrenOf ??= this.#indexed();
    return this.#childrenOf.get(path) ?? [];
  }

  #indexed(): Map<string, string[]> {
    const childrenOf = new Map<string, string[]>();
    for (const path of this.nodes.keys()) {
      const parent = parentPath(path);
      if (parent === undefined) continue;
      const names = childrenOf.get(parent);
      if (names === undefined) childrenOf.set(parent, [nodeName(path)]);
      else names.push(nodeName(path));
    }
    for (const names of childrenOf.values()) names.sort();
    return childrenOf;
  }
}

/** The bytes that a node counts for: its path and its data. */
export function bytesOf(path: string, node: ObservedNode | undefined): number {
  return Buffer.byteLength(path) + (node?.data?.length ?? 0);
}

/** The bytes of a tree. */
export function bytesOfTree(tree: ObservedTree | undefined): number {
  let bytes = 0;
  for (const [path, node] of tree ?? []) bytes += bytesOf(path, node);
  return bytes;
}
