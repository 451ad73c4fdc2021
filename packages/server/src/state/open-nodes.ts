/**
 * Nodes that are not in the sum of the tree's digest: they are new, or have changed since they were taken out. They are
 * put in, as they are then, when somebody wants to know the digest. So a node that changes often, and a change that is
 * undone, cost no more than one that changes once.
 */
import { ints } from "./node-row.ts";
import { intsAt, type NodeStore } from "./node-store.ts";
import type { DigestSum } from "./tree-digest.ts";
import { Znode } from "./znode.ts";

/** Which nodes are to be put into a digest; see the head of this file. */
export class OpenNodes {
  readonly #store: NodeStore;
  readonly #sum: DigestSum;
  /** A node that has gone since is not marked as open any more; one whose number was given away twice stands here twice. */
  readonly #numbers: number[] = [];

  constructor(store: NodeStore, sum: DigestSum) {
    this.#store = store;
    this.#sum = sum;
  }

  /** The node is new. */
  add(number: number): void {
    this.#store.block(number).ints[intsAt(number) + ints.isOpen] = 1;
    this.#numbers.push(number);
  }

  /** The node is about to change, or to go. */
  takeOut(node: Znode): void {
    const { number } = node;
    if (this.#store.block(number).ints[intsAt(number) + ints.isOpen] !== 0) return;
    this.#sum.subtract(this.#store.path(number), node);
    this.add(number);
  }

  /** Puts all of them in, so that the sum is that of the whole tree. */
  putIn(): void {
    for (const number of this.#numbers) {
      const { ints: values } = this.#store.block(number);
      const mark = intsAt(number) + ints.isOpen;
      if (values[mark] === 0) continue;
      values[mark] = 0;
      this.#sum.add(this.#store.path(number), new Znode(this.#store, number));
    }
    this.#numbers.length = 0;
  }
}
