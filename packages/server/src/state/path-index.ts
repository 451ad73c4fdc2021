/**
 * From paths to nodes' numbers: a hash table of numbers, since a map of texts takes twice the memory, has to be walked through by the
 * garbage collector, and needs several looks into memory to find that a path is not there. The paths themselves are with the nodes.
 *
 * Many tables instead of one: one that has to grow moves everything it holds at once, which takes a server with a million
 * nodes longer than anybody should wait. Which path is where depends on a seed, or clients could choose paths that all fall
 * into one place.
 */
import { assert } from "@corral/protocol";

/** Where the path of a node is found by its number. */
export interface Paths {
  path(number: number): string;
}

const tableBits = 6;
const firstSlots = 16;

/** Paths and the numbers of their nodes. */
export class PathIndex {
  readonly #paths: Paths;
  readonly #seed: number;
  readonly #tables = Array.from({ length: 1 << tableBits }, () => new Table());
  #size = 0;

  constructor(paths: Paths, seed: number) {
    this.#paths = paths;
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  get(path: string): number | undefined {
    const hash = this.#hash(path);
    const { slots, mask } = this.#tableOf(hash);
    for (let at = (hash >>> tableBits) & mask; ; at = (at + 1) & mask) {
      const number = (slots[2 * at + 1] as number) - 1;
      if (number < 0) return undefined;
      if (slots[2 * at] === hash && this.#paths.path(number) === path) return number;
    }
  }

  /** The node has its path already. False, and nothing is added, if a node of this path is in it. */
  add(path: string, number: number): boolean {
    const hash = this.#hash(path);
    const table = this.#tableOf(hash);
    if (4 * (table.count + 1) > 3 * (table.mask + 1)) table.resize(2 * (table.mask + 1));
    const { slots, mask } = table;
    let at = (hash >>> tableBits) & mask;
    for (let there = slots[2 * at + 1] as number; there !== 0; there = slots[2 * at + 1] as number) {
      if (slots[2 * at] === hash && this.#paths.path(there - 1) === path) return false;
      at = (at + 1) & mask;
    }
    slots[2 * at] = hash;
    slots[2 * at + 1] = number + 1;
    table.count++;
    this.#size++;
    return true;
  }

  /** Takes out a node by its path, which it still has. */
  delete(path: string, number: number): void {
    const hash = this.#hash(path);
    const table = this.#tableOf(hash);
    const { slots, mask } = table;
    let at = (hash >>> tableBits) & mask;
    for (; slots[2 * at + 1] !== number + 1; at = (at + 1) & mask) {
      assert(slots[2 * at + 1] !== 0, () => `${path} is in the index`);
    }
    table.close(at);
    table.count--;
    this.#size--;
    if (8 * table.count < mask && mask >= firstSlots) table.resize((mask + 1) / 2);
  }

  #tableOf(hash: number): Table {
    return this.#tables[hash & ((1 << tableBits) - 1)] as Table;
  }

  #hash(path: string): number {
    let hash = this.#seed;
    for (let i = 0; i < path.length; i++) {
      hash = Math.imul(hash ^ path.charCodeAt(i), 0x5bd1_e995) ^ (hash >>> 15);
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1_e995);
    return hash ^ (hash >>> 15);
  }
}

/** Pairs of a hash and a number more by one, side by side; 0 where none is. What has no room stands behind. */
class Table {
  slots = new Int32Array(2 * firstSlots);
  mask = firstSlots - 1;
  count = 0;

  resize(slotCount: number): void {
    const old = this.slots;
    this.slots = new Int32Array(2 * slotCount);
    this.mask = slotCount - 1;
    for (let at = 0; at < old.length; at += 2) {
      const number = old[at + 1] as number;
      if (number !== 0) this.#put(old[at] as number, number);
    }
  }

  #put(hash: number, number: number): void {
    const { slots, mask } = this;
    let at = (hash >>> tableBits) & mask;
    while (slots[2 * at + 1] !== 0) at = (at + 1) & mask;
    slots[2 * at] = hash;
    slots[2 * at + 1] = number;
  }

  /** Empties a slot, and moves up what would not be found behind it any more. */
  close(hole: number): void {
    const { slots, mask } = this;
    let free = hole;
    for (let at = (hole + 1) & mask; slots[2 * at + 1] !== 0; at = (at + 1) & mask) {
      const home = ((slots[2 * at] as number) >>> tableBits) & mask;
      // Stays if its way from home to here does not come by the free slot.
      if (((at - home) & mask) < ((at - free) & mask)) continue;
      slots[2 * free] = slots[2 * at] as number;
      slots[2 * free + 1] = slots[2 * at + 1] as number;
      free = at;
    }
    slots[2 * free] = 0;
    slots[2 * free + 1] = 0;
  }
}
