/**
 * A digest of all nodes: a sum over them, so that it can follow each change, and does not depend on an order. Two trees
 * with the same digest are the same, but for odds of one in 2^64 or so; it guards against mistakes, not against enemies.
 *
 * A node that is about to change is taken out of the sum, and put back as it is then when somebody wants to know the
 * digest. So a node that changes often, and a change that is undone, cost no more than one that changes once.
 *
 * A node is two terms: one of its data and one of all else. A parent, whose numbers change with each child, then need not
 * have its data read.
 */
import { crc32 } from "@corral/io";
import type { Acl } from "@corral/protocol";
import type { Lifetime, NodeRecord } from "./znode.ts";

/** Grows when digests come to be computed otherwise: only those of one version can be compared. */
export const digestVersion = 1;

/** 64 bits, as two unsigned numbers of 32. */
export interface Digest {
  readonly high: number;
  readonly low: number;
}

/** Whether two digests are the same. */
export function sameDigest(one: Digest, other: Digest): boolean {
  return one.high === other.high && one.low === other.low;
}

/** As people see it: 16 hexadecimal digits. */
export function formatDigest({ high, low }: Digest): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** What a node is for a digest. */
export type DigestedNode = Omit<NodeRecord, "data"> & { readonly data: Uint8Array | null };

/** The digest of one tree; see the head of this file. */
export class TreeDigest {
  #high = 0;
  #low = 0;
  /** Paths of nodes whose terms are not in the sum; the value says whether that of the data is not either. */
  readonly #open = new Map<string, boolean>();

  /** The node is about to change, or to go; `withData`: its data too. */
  beforeChange(path: string, node: DigestedNode, withData: boolean): void {
    const isOpen = this.#open.get(path);
    if (isOpen === true || (isOpen === false && !withData)) return;
    const pathHash = hashText(path);
    if (isOpen === undefined) {
      foldNumbers(pathHash, node);
      this.#subtract();
    }
    if (withData) {
      foldData(pathHash, node.data);
      this.#subtract();
    }
    this.#open.set(path, withData);
  }

  /** The node is new. */
  afterCreate(path: string): void {
    this.#open.set(path, true);
  }

  /** The digest of the tree as it is now; `nodeAt` gives its nodes. */
  read(nodeAt: (path: string) => DigestedNode | undefined): Digest {
    for (const [path, withData] of this.#open) {
      const node = nodeAt(path);
      if (node === undefined) continue;
      const pathHash = hashText(path);
      foldNumbers(pathHash, node);
      this.#add();
      if (!withData) continue;
      foldData(pathHash, node.data);
      this.#add();
    }
    if (this.#open.size > 0) this.#open.clear();
    return { high: this.#high >>> 0, low: this.#low >>> 0 };
  }

  /** Adds a node that will not be looked up again; for many, as when a snapshot is read. */
  add(path: string, node: DigestedNode): void {
    const pathHash = hashText(path);
    foldNumbers(pathHash, node);
    this.#add();
    foldData(pathHash, node.data);
    this.#add();
  }

  #add(): void {
    this.#high = (this.#high + laneA) | 0;
    this.#low = (this.#low + laneB) | 0;
  }

  #subtract(): void {
    this.#high = (this.#high - laneA) | 0;
    this.#low = (this.#low - laneB) | 0;
  }
}

// The term under way. Not an object: a term is made several times for each write.
let laneA = 0;
let laneB = 0;

function foldNumbers(pathHash: number, node: DigestedNode): void {
  laneA = 0x243f_6a88 | 0;
  laneB = 0x85a3_08d3 | 0;
  fold(pathHash);
  fold(hashAcl(node.acl));
  foldLifetime(node.lifetime);
  foldLong(node.czxid);
  foldLong(node.mzxid);
  foldLong(node.pzxid);
  foldLong(node.ctimeMs);
  foldLong(node.mtimeMs);
  fold(node.version);
  fold(node.aversion);
  fold(node.childCreates);
}

function foldData(pathHash: number, data: Uint8Array | null): void {
  laneA = 0x1319_8a2e | 0;
  laneB = 0x0370_7344 | 0;
  fold(pathHash);
  fold(data === null ? -1 : data.length);
  fold(data === null || data.length === 0 ? 0 : crc32(data));
}

function foldLifetime(lifetime: Lifetime): void {
  switch (lifetime.kind) {
    case "persistent":
      return fold(0);
    case "container":
      return fold(1);
    case "ttl":
      fold(2);
      return foldLong(lifetime.ttlMs);
    case "ephemeral":
      fold(3);
      return fold(hashOwner(lifetime.owner));
  }
}

/** A whole number below 2^53. */
function foldLong(value: number): void {
  fold(value | 0);
  fold(Math.floor(value / 2 ** 32));
}

/** Takes 32 bits into both lanes, each in its own way, so that they do not fail together. */
function fold(bits: number): void {
  let a = Math.imul(laneA ^ bits, 0x9e37_79b1);
  a ^= a >>> 15;
  let b = Math.imul((laneB + bits) | 0, 0x85eb_ca6b);
  b ^= b >>> 13;
  laneA = Math.imul(a, 0xc2b2_ae35) ^ (a >>> 16);
  laneB = Math.imul(b, 0x27d4_eb2f) ^ (b >>> 16);
}

function hashText(text: string): number {
  let hash = text.length;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  return hash ^ (hash >>> 15);
}

const aclHashes = new WeakMap<readonly Acl[], number>();
let latestAcl: readonly Acl[] | undefined;
let latestAclHash = 0;

/** Nearly all nodes share a few lists. */
function hashAcl(acl: readonly Acl[]): number {
  if (acl === latestAcl) return latestAclHash;
  let hash = aclHashes.get(acl);
  if (hash === undefined) {
    hash = hashText(JSON.stringify(acl.map(({ perms, id }) => [perms, id.scheme, id.id])));
    aclHashes.set(acl, hash);
  }
  latestAcl = acl;
  latestAclHash = hash;
  return hash;
}

let latestOwner = 0n;
let latestOwnerHash = hashText("0");

function hashOwner(owner: bigint): number {
  if (owner !== latestOwner) {
    latestOwner = owner;
    latestOwnerHash = hashText(owner.toString(36));
  }
  return latestOwnerHash;
}
