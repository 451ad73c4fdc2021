/**
 * How many nodes and bytes there are at and below paths. What was counted is kept, for all paths that were come by, and follows
 * every change, until there were as many changes as nodes were looked at. So, on average, a change makes for no more than one look at a
 * node later on; while something is known it also adds to each count above it, by links from one to the next.
 * Otherwise who makes and deletes the books of a quota, or asks how many nodes there are, would have all of a tree counted each time.
 */
import { parentPath } from "@corral/protocol";
import type { QuotaUsage } from "./quota.ts";
import type { Znode } from "./znode.ts";

/** A tree to count in; `undefined` where it has no node. */
export interface Countable {
  get(path: string): Znode | undefined;
  /** The tree's own text: one cut out of a longer path would keep all of that in memory. */
  pathOf(node: Znode): string;
}

interface Subtree {
  readonly path: string;
  /** That of the parent node; `undefined` while nothing above this one was counted. */
  parent: Subtree | undefined;
  count: number;
  bytes: number;
}

/** See the head of this file. */
export class SubtreeCounts {
  readonly #tree: Countable;
  /**
   * Of all nodes with children at and below those that were counted: so where the parent of such a node is not known, nothing
   * above is, and no change has to go up by path, which takes long where paths are. Some have lost their children since.
   */
  readonly #known = new Map<string, Subtree>();
  /** What it cost to look at nodes, less what changes are worth, since nothing was known. */
  #looks = 0;

  constructor(tree: Countable) {
    this.#tree = tree;
  }

  /** What there is at and below `path` now. */
  count(path: string): QuotaUsage {
    const node = this.#tree.get(path);
    if (node === undefined) return { count: 0, bytes: 0 };
    // By its own path: the root has another one, too.
    const known = this.#known.get(this.#tree.pathOf(node));
    if (known !== undefined) return known;
    if (node.childCount === 0) return { count: 1, bytes: node.dataLength };
    // It has no parent that is known, for then it would be known itself.
    const whole: Subtree = { path: this.#tree.pathOf(node), parent: undefined, count: 1, bytes: node.dataLength };
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
    this.#looks += costOf(path);
    const known = this.#known.get(path);
    if (known !== undefined) {
      known.parent = parent;
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
    if (this.#known.size === 0 || (nodes === 0 && bytes === 0)) return;
    this.#looks -= costOf(path);
    if (this.#looks < 0) {
      this.#looks = 0;
      this.#known.clear();
      return;
    }
    let subtree = nodes > 0 ? this.#parentOfNew(path) : (this.#known.get(path) ?? this.#known.get(parentPath(path)));
    // It has no children, so none that is known has it for a parent.
    if (nodes < 0 && subtree?.path === path) this.#known.delete(path);
    for (; subtree !== undefined; subtree = subtree.parent) add(subtree, nodes, bytes);
  }

  /** Where the parent of a node that has just come had no children, and was counted among those above, it is known from now on. */
  #parentOfNew(path: string): Subtree | undefined {
    const parent = parentPath(path);
    const known = this.#known.get(parent);
    if (known !== undefined) return known;
    const above = this.#known.get(parentPath(parent));
    const node = above && this.#tree.get(parent);
    if (node === undefined) return undefined;
    const subtree = { path: this.#tree.pathOf(node), parent: above, count: 1, bytes: node.dataLength };
    this.#known.set(subtree.path, subtree);
    return subtree;
  }
}

/** Of a look at a path: a long one takes longer, as all its text is gone through. */
function costOf(path: string): number {
  return 1 + (path.length >> 8);
}

function add(subtree: Subtree, count: number, bytes: number): void {
  subtree.count += count;
  subtree.bytes += bytes;
}
