/**
 * How many nodes and bytes there are at and below paths. What was counted is kept, for all paths that were come by, and follows
 * every change, until there were as many changes as nodes were looked at: so a change costs one look at most, on average.
 * Otherwise who makes and deletes the books of a quota, open to everybody, would have all of a tree counted each time.
 */
import { parentPath } from "@corral/protocol";
import type { QuotaUsage } from "./quota.ts";
import type { Znode } from "./znode.ts";

/** A tree to count in; `undefined` where it has no node. */
export interface Countable {
  get(path: string): Pick<Znode, "dataLength" | "childCount" | "eachChild"> | undefined;
}

interface Subtree {
  readonly path: string;
  readonly parent: Subtree | undefined;
  count: number;
  bytes: number;
}

/** See the head of this file. */
export class SubtreeCounts {
  readonly #tree: Countable;
  /** Of nodes with children that were looked at. */
  readonly #known = new Map<string, Subtree>();
  /** Nodes looked at, less changes, since nothing was known. */
  #looks = 0;

  constructor(tree: Countable) {
    this.#tree = tree;
  }

  /** What there is at and below `path` now. */
  count(path: string): QuotaUsage {
    const node = this.#tree.get(path);
    if (node === undefined) return { count: 0, bytes: 0 };
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    if (node.childCount === 0) return { count: 1, bytes: node.dataLength };
    const whole: Subtree = { path, parent: undefined, count: 1, bytes: node.dataLength };
    const subtrees = [whole];
    // Grows while it is gone through: parents come before their children.
    for (const subtree of subtrees) {
      this.#tree.get(subtree.path)?.eachChild((child) => {
        const found = this.#lookAt(child, subtree);
        if (found !== undefined) subtrees.push(found);
      });
    }
    for (let subtree = subtrees.pop(); subtree !== undefined; subtree = subtrees.pop()) {
      const { parent } = subtree;
      if (parent !== undefined) add(parent, subtree.count, subtree.bytes);
      this.#known.set(subtree.path, subtree);
    }
    return whole;
  }

  /** Adds a child to its parent; if it has children that must be counted first, returns it instead. */
  #lookAt(path: string, parent: Subtree): Subtree | undefined {
    this.#looks++;
    const known = this.#known.get(path);
    if (known !== undefined) {
      add(parent, known.count, known.bytes);
      return undefined;
    }
    const node = this.#tree.get(path);
    const bytes = node?.dataLength ?? 0;
    if (node !== undefined && node.childCount > 0) return { path, parent, count: 1, bytes };
    add(parent, 1, bytes);
    return undefined;
  }

  /** There are more or fewer nodes or bytes at `path`. To be told of every change, when it is done. */
  change(path: string, nodes: number, bytes: number): void {
    if (this.#known.size === 0) return;
    this.#looks--;
    if (this.#looks < 0) {
      this.#looks = 0;
      this.#known.clear();
      return;
    }
    for (let at = path; ; at = parentPath(at)) {
      const known = this.#known.get(at);
      if (known !== undefined) add(known, nodes, bytes);
      if (at.length <= 1) return;
    }
  }
}

function add(subtree: Subtree, count: number, bytes: number): void {
  subtree.count += count;
  subtree.bytes += bytes;
}
