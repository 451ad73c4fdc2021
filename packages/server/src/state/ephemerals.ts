/**
 * The ephemeral nodes of each session: a ring through their records, in which they stand as they came. A set of numbers for
 * each session would do; but to put a node into a large set takes as long as to write the whole rest of its record.
 */
import { ints } from "./node-row.ts";
import { intsAt, type NodeStore } from "./node-store.ts";

/** Nodes by the session that owns them; see the head of this file. */
export class Ephemerals {
  readonly #store: NodeStore;
  /** The first of each session's ring. */
  readonly #first = new Map<bigint, number>();
  #count = 0;

  constructor(store: NodeStore) {
    this.#store = store;
  }

  /** Of all sessions. */
  get count(): number {
    return this.#count;
  }

  /** The sessions that own any, in no order that the state determines. */
  owners(): Iterable<bigint> {
    return this.#first.keys();
  }

  /** Those of one session, in the order in which they were added. None may come or go meanwhile. */
  *of(owner: bigint): Generator<number, void, void> {
    const first = this.#first.get(owner);
    if (first === undefined) return;
    let number = first;
    do {
      yield number;
      number = this.#next(number);
    } while (number !== first);
  }

  /** Adds a node that nobody owns yet. */
  add(owner: bigint, number: number): void {
    this.#count++;
    const first = this.#first.get(owner);
    if (first === undefined) {
      this.#first.set(owner, number);
      this.#join(number, number);
    } else {
      this.#join(this.#previous(first), number);
      this.#join(number, first);
    }
  }

  /** Takes out a node that is among the session's. */
  remove(owner: bigint, number: number): void {
    this.#count--;
    const next = this.#next(number);
    if (next === number) {
      this.#first.delete(owner);
      return;
    }
    this.#join(this.#previous(number), next);
    if (this.#first.get(owner) === number) this.#first.set(owner, next);
  }

  #next(number: number): number {
    return this.#store.block(number).ints[intsAt(number) + ints.nextOwned] as number;
  }

  #previous(number: number): number {
    return this.#store.block(number).ints[intsAt(number) + ints.previousOwned] as number;
  }

  #join(before: number, after: number): void {
    this.#store.block(before).ints[intsAt(before) + ints.nextOwned] = after;
    this.#store.block(after).ints[intsAt(after) + ints.previousOwned] = before;
  }
}
