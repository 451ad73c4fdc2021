/**
 * A digest of all nodes: a sum over them, so that it can follow each change, and does not depend on an order. Two trees
 * with the same digest are the same, but for odds of one in 2^64 or so; it guards against mistakes, not against enemies.
 *
 * Of a node's data only a hash goes in, which is kept with the node (`hashData`): so data is read once, when it comes.
 */
import { crc32 } from "@corral/io";
import type { Acl } from "@corral/protocol";
import type { Lifetime } from "./lifetime.ts";
import { doubles } from "./node-row.ts";
import type { NodeRecord } from "./znode.ts";

/** Grows when digests of a tree come to be computed otherwise: only those of one version can be compared. */
export const digestVersion = 1;

/** The same of a digest of the whole state: that of the tree and that of the sessions, as a sum. */
export const stateDigestVersion = 2;

/** 64 bits, as two unsigned numbers of 32. */
export interface Digest {
  readonly high: number;
  readonly low: number;
}

/** Whether two digests are the same. */
export function sameDigest(one: Digest, other: Digest): boolean {
  return one.high === other.high && one.low === other.low;
}

/** The digest of what two digests are of. */
export function sumOfDigests(one: Digest, other: Digest): Digest {
  return { high: (one.high + other.high) >>> 0, low: (one.low + other.low) >>> 0 };
}

/** As people see it: 16 hexadecimal digits. */
export function formatDigest({ high, low }: Digest): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** What a node is for a digest. */
export interface DigestedNode extends Pick<NodeRecord, "acl" | "lifetime" | "version" | "aversion"> {
  readonly dataHash: number;
  /** Its zxids, times and number of creates stand here, as `doubles` says: read one by one, each would be an object. */
  readonly numbers: Float64Array;
  /** Where they begin. */
  readonly numbersAt: number;
}

/** The digest as a sum, to which nodes are added, and from which they are taken. */
export class DigestSum {
  #high = 0;
  #low = 0;

  get value(): Digest {
    return { high: this.#high >>> 0, low: this.#low >>> 0 };
  }

  add(path: string, node: DigestedNode): void {
    foldNode(hashText(path), node);
    this.#high = (this.#high + laneA) | 0;
    this.#low = (this.#low + laneB) | 0;
  }

  /** Adds what is known by these numbers of 32 bits, and is no node. */
  addNumbers(numbers: readonly number[]): void {
    foldNumbers(numbers);
    this.#high = (this.#high + laneA) | 0;
    this.#low = (this.#low + laneB) | 0;
  }

  /** What was added with the same numbers. */
  subtractNumbers(numbers: readonly number[]): void {
    foldNumbers(numbers);
    this.#high = (this.#high - laneA) | 0;
    this.#low = (this.#low - laneB) | 0;
  }

  /** The node is as it was when it was added. */
  subtract(path: string, node: DigestedNode): void {
    foldNode(hashText(path), node);
    this.#high = (this.#high - laneA) | 0;
    this.#low = (this.#low - laneB) | 0;
  }
}

// The term under way. Not an object: a term is made several times for each write.
let laneA = 0;
let laneB = 0;

/** The hash of a node's data, 32 bits. */
export function hashData(data: Uint8Array | null): number {
  if (data === null) return 0;
  return (crc32(data) ^ data.length ^ 0x1319_8a2e) | 0;
}

function foldNumbers(numbers: readonly number[]): void {
  laneA = 0x1319_8a2e;
  laneB = 0x0370_7344;
  for (const number of numbers) fold(number);
}

function foldNode(pathHash: number, node: DigestedNode): void {
  laneA = 0x243f_6a88;
  laneB = 0x05a3_08d3;
  const { numbers, numbersAt: at } = node;
  const czxid = numbers[at + doubles.czxid] as number;
  const mzxid = numbers[at + doubles.mzxid] as number;
  const pzxid = numbers[at + doubles.pzxid] as number;
  const ctimeMs = numbers[at + doubles.ctimeMs] as number;
  const mtimeMs = numbers[at + doubles.mtimeMs] as number;
  fold(pathHash);
  fold(node.dataHash);
  fold(hashAcl(node.acl));
  foldLifetime(node.lifetime);
  fold(czxid | 0);
  fold(mzxid | 0);
  fold(pzxid | 0);
  fold(ctimeMs | 0);
  fold(mtimeMs | 0);
  let uppers = upper(czxid);
  uppers = (Math.imul(uppers, 0x0100_0193) + upper(mzxid)) | 0;
  uppers = (Math.imul(uppers, 0x0100_0193) + upper(pzxid)) | 0;
  uppers = (Math.imul(uppers, 0x0100_0193) + upper(ctimeMs)) | 0;
  fold((Math.imul(uppers, 0x0100_0193) + upper(mtimeMs)) | 0);
  fold(node.version);
  fold(node.aversion);
  fold(numbers[at + doubles.childCreates] as number);
}

function foldLifetime(lifetime: Lifetime): void {
  switch (lifetime.kind) {
    case "persistent":
      return fold(0);
    case "container":
      return fold(1);
    case "ttl":
      fold(2);
      fold(upper(lifetime.ttlMs));
      return fold(lifetime.ttlMs | 0);
    case "ephemeral":
      fold(3);
      return fold(hashOwner(lifetime.owner));
  }
}

/** All but the lower 32 bits of a whole number below 2^53. */
function upper(value: number): number {
  return (value / 2 ** 32) | 0;
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
