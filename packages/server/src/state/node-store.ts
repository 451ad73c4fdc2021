/**
 * The nodes' records, in columns of numbers: an object for each would take several times the memory, and make the garbage
 * collector walk through all of them. A node is a number here; `Znode` shows one as an object.
 *
 * Children are a ring through `next` and `previous` that begins at the parent's `firstChild`; names are the ends of paths.
 */
import { type Acl, assert } from "@corral/protocol";
import { type Lifetime, lifetimeKey, persistentLifetime } from "./lifetime.ts";
import { digestOfText } from "./long-text.ts";
import { doubles, ints } from "./node-row.ts";
import type { QuotaReading } from "./quota.ts";
import { SharedIds } from "./shared-ids.ts";
import { SharedValues } from "./shared-values.ts";
import { Slabs } from "./slabs.ts";
import { noDataHash } from "./tree-digest.ts";

/** Where there is no node, or no access list yet. */
export const nowhere = -1;

const persistent = 0;

const blockBits = 14;
const blockNodes = 1 << blockBits;

/** The records of some thousand nodes. */
export interface Block {
  readonly doubles: Float64Array;
  readonly ints: Int32Array;
  readonly paths: string[];
}

/** All nodes by number; see the head of this file. */
export class NodeStore {
  readonly #blocks: Block[] = [];
  readonly #free: number[] = [];
  #fresh = 0;
  readonly #lifetimes = new SharedValues<Lifetime>(lifetimeKey, persistentLifetime);
  readonly acls = new SharedValues<readonly Acl[]>(aclKey, [], new SharedIds());
  readonly slabs = new Slabs();
  /** What stands in the data of quotas' nodes, as far as it was read. Gone when the data is. */
  readonly quotaReadings = new Map<number, QuotaReading>();

  constructor() {
    const number = this.#lifetimes.add(persistentLifetime);
    assert(number === persistent, "the first lifetime is that of most nodes, which do not count");
  }

  /** A node without anything. The number may have been another's. */
  allocate(path: string): number {
    const number = this.#free.pop() ?? this.#fresh++;
    if (number >> blockBits === this.#blocks.length) {
      this.#blocks.push({
        doubles: new Float64Array(doubles.count * blockNodes),
        ints: new Int32Array(ints.count * blockNodes),
        paths: [],
      });
    }
    const block = this.block(number);
    const at = intsAt(number);
    block.ints.fill(0, at, at + ints.count);
    block.ints[at + ints.firstChild] = nowhere;
    block.ints[at + ints.dataLength] = -1;
    block.ints[at + ints.acl] = nowhere;
    block.paths[number & (blockNodes - 1)] = path;
    return number;
  }

  /** Everything that was the node's is free for others; its number too. */
  release(number: number): void {
    const block = this.block(number);
    const at = intsAt(number);
    const length = block.ints[at + ints.dataLength] as number;
    if (length >= 0) this.slabs.remove(block.ints[at + ints.data] as number, length);
    this.quotaReadings.delete(number);
    const acl = block.ints[at + ints.acl] as number;
    if (acl !== nowhere) this.acls.remove(acl);
    const lifetime = block.ints[at + ints.lifetime] as number;
    if (lifetime !== persistent) this.#lifetimes.remove(lifetime);
    block.ints[at + ints.isOpen] = 0;
    block.paths[number & (blockNodes - 1)] = "";
    this.#free.push(number);
  }

  /** All numbers that were ever a node's are below this. */
  get end(): number {
    return this.#fresh;
  }

  /** Whether the number is no node's at present. */
  isFree(number: number): boolean {
    return this.path(number) === "";
  }

  block(number: number): Block {
    return this.#blocks[number >> blockBits] as Block;
  }

  path(number: number): string {
    return this.block(number).paths[number & (blockNodes - 1)] as string;
  }

  lifetime(number: number): Lifetime {
    return this.#lifetimes.get(this.block(number).ints[intsAt(number) + ints.lifetime] as number);
  }

  /** Of a node that was just allocated: it is persistent. */
  setLifetime(number: number, lifetime: Lifetime): void {
    if (lifetime.kind === "persistent") return;
    this.block(number).ints[intsAt(number) + ints.lifetime] = this.#lifetimes.add(lifetime);
  }

  /** Puts a child in, behind its siblings. */
  link(parent: number, child: number): void {
    const parentInts = this.block(parent).ints;
    const first = parentInts[intsAt(parent) + ints.firstChild] as number;
    if (first === nowhere) {
      parentInts[intsAt(parent) + ints.firstChild] = child;
      this.#join(child, child);
    } else {
      const last = this.block(first).ints[intsAt(first) + ints.previous] as number;
      this.#join(last, child);
      this.#join(child, first);
    }
    parentInts[intsAt(parent) + ints.childCount]!++;
  }

  /** Takes a child out. */
  unlink(parent: number, child: number): void {
    const parentInts = this.block(parent).ints;
    const childInts = this.block(child).ints;
    const next = childInts[intsAt(child) + ints.next] as number;
    const previous = childInts[intsAt(child) + ints.previous] as number;
    this.#join(previous, next);
    if (parentInts[intsAt(parent) + ints.firstChild] === child) {
      parentInts[intsAt(parent) + ints.firstChild] = next === child ? nowhere : next;
    }
    parentInts[intsAt(parent) + ints.childCount]!--;
  }

  #join(before: number, after: number): void {
    this.block(before).ints[intsAt(before) + ints.next] = after;
    this.block(after).ints[intsAt(after) + ints.previous] = before;
  }

  /** Tells the paths of a node's children, in order of creation. */
  eachChild(number: number, tell: (path: string) => void): void {
    const first = this.block(number).ints[intsAt(number) + ints.firstChild] as number;
    if (first === nowhere) return;
    let child = first;
    do {
      const block = this.block(child);
      tell(block.paths[child & (blockNodes - 1)] as string);
      child = block.ints[intsAt(child) + ints.next] as number;
    } while (child !== first);
  }

  /** The names of a node's children, in order of creation. */
  childNames(number: number): string[] {
    const names: string[] = [];
    this.eachChild(number, (path) => names.push(path.slice(path.lastIndexOf("/") + 1)));
    return names;
  }

  /** Replaces the data; takes a copy. */
  setData(number: number, data: Uint8Array | null): void {
    const block = this.block(number);
    const at = intsAt(number);
    const oldLength = block.ints[at + ints.dataLength] as number;
    if (oldLength >= 0) this.slabs.remove(block.ints[at + ints.data] as number, oldLength);
    const value = data === null ? 0 : this.slabs.add(data);
    block.ints[at + ints.data] = value;
    block.ints[at + ints.dataLength] = data === null ? -1 : data.length;
    block.ints[at + ints.dataHash] = data === null ? noDataHash : this.slabs.hash(value, data.length);
    this.quotaReadings.delete(number);
  }

  /** Replaces the access list. */
  setAcl(number: number, acl: readonly Acl[]): void {
    const block = this.block(number);
    const at = intsAt(number) + ints.acl;
    const old = block.ints[at] as number;
    block.ints[at] = this.acls.add(acl);
    if (old !== nowhere) this.acls.remove(old);
  }

  /** A node of its own with the same record; it is nobody's child, and has none. */
  copy(number: number): number {
    const copy = this.allocate(this.path(number));
    const [from, to] = [this.block(number), this.block(copy)];
    to.doubles.set(from.doubles.subarray(doublesAt(number), doublesAt(number) + doubles.count), doublesAt(copy));
    to.ints.set(from.ints.subarray(intsAt(number), intsAt(number) + ints.count), intsAt(copy));
    const at = intsAt(copy);
    to.ints[at + ints.firstChild] = nowhere;
    to.ints[at + ints.isOpen] = 0;
    to.ints[at + ints.lifetime] = persistent;
    const length = to.ints[at + ints.dataLength] as number;
    if (length >= 0)
      to.ints[at + ints.data] = this.slabs.add(
        this.slabs.view(from.ints[intsAt(number) + ints.data] as number, length),
      );
    to.ints[at + ints.acl] = this.acls.add(this.acls.get(to.ints[at + ints.acl] as number));
    this.setLifetime(copy, this.lifetime(number));
    return copy;
  }
}

/** A longer text is a list's key by its digest: the key stays as long as the list does, beside identities that it shares with others. */
const longestKey = 200;

function aclKey(acl: readonly Acl[]): string {
  const text = JSON.stringify(acl.map(({ perms, id }) => [perms, id.scheme, id.id]));
  return text.length <= longestKey ? text : digestOfText(text);
}

/** Where a node's doubles begin in its block. */
export function doublesAt(number: number): number {
  return (number & (blockNodes - 1)) * doubles.count;
}

/** Where a node's integers begin in its block. */
export function intsAt(number: number): number {
  return (number & (blockNodes - 1)) * ints.count;
}
