/**
 * Lists of children as they go over the wire, of nodes that are asked for more than once: when the members of a group
 * change, everybody reads the same list. What is kept is the answer as of one change of the list; the next one makes it
 * worthless.
 */
import { Writer } from "@corral/protocol";
import type { DataTree } from "../state/data-tree.ts";
import type { Znode } from "../state/znode.ts";

/** Shorter lists are written as quickly as they are looked up. */
const leastChildren = 8;
/** Of all lists that are kept, bytes; a longer list is never kept. */
const maxKeptBytes = 4 << 20;
const maxListBytes = 256 << 10;
/** Paths that are remembered. */
const maxLists = 1_000;

interface ChildList {
  /** Of the last create or delete of a child: another one, another list. */
  readonly pzxid: number;
  readonly childCount: number;
  /** Absent until somebody has asked for the same list again. */
  bytes: Buffer | undefined;
  readonly isTooLong: boolean;
}

/** The lists that are kept; see the head of this file. */
export class ChildLists {
  readonly #lists = new Map<string, ChildList>();
  /** Whose lists they are: a restored tree may have other ones at the same zxids. */
  #tree: DataTree | undefined;
  #keptBytes = 0;

  /**
   * Writes how many children the node at `path` has, and their names. `write` does so where no list is kept; it may throw,
   * and then nothing is kept.
   */
  write(tree: DataTree, path: string, node: Znode, out: Writer, write: (out: Writer) => void): void {
    const { pzxid, childCount } = node;
    if (childCount < leastChildren) return write(out);
    if (tree !== this.#tree) this.#forgetAll(tree);
    const known = this.#lists.get(path);
    if (known === undefined || known.pzxid !== pzxid || known.childCount !== childCount) {
      write(out);
      this.#remember(path, { pzxid, childCount, bytes: undefined, isTooLong: false });
      return;
    }
    if (known.bytes !== undefined) return out.raw(known.bytes);
    const list = new Writer();
    write(list);
    const bytes = list.take();
    out.raw(bytes);
    if (bytes.length > maxListBytes) return;
    known.bytes = bytes;
    this.#keptBytes += bytes.length;
    while (this.#keptBytes > maxKeptBytes) this.#forgetOldest();
  }

  /** Whether the list was refused, as it is now. */
  isTooLong(tree: DataTree, path: string, { pzxid, childCount }: Znode): boolean {
    const known = tree === this.#tree ? this.#lists.get(path) : undefined;
    return known?.isTooLong === true && known.pzxid === pzxid && known.childCount === childCount;
  }

  /** The list is too long for an answer: to find that out takes long. */
  refuse(tree: DataTree, path: string, { pzxid, childCount }: Znode): void {
    if (tree !== this.#tree) this.#forgetAll(tree);
    this.#remember(path, { pzxid, childCount, bytes: undefined, isTooLong: true });
  }

  #remember(path: string, list: ChildList): void {
    this.#forget(path, this.#lists.get(path));
    this.#lists.set(path, list);
    if (this.#lists.size > maxLists) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [path, list] of this.#lists) return this.#forget(path, list);
  }

  #forget(path: string, list: ChildList | undefined): void {
    this.#keptBytes -= list?.bytes?.length ?? 0;
    this.#lists.delete(path);
  }

  #forgetAll(tree: DataTree): void {
    this.#tree = tree;
    this.#lists.clear();
    this.#keptBytes = 0;
  }
}
