/**
 * A digest of all nodes: a sum over them, so that it can follow each change, and does not depend on an order. Two trees
 * with the same digest are the same, but for odds of one in 2^64 or so; it guards against mistakes, not against enemies.
 *
 * Of a node's data only a hash goes in, which is kept with the node (`hashData`): so data is read once more, when it has come.
 */
import type { Acl } from "@corral/protocol";
import type { Lifetime } from "./lifetime.ts";
import { doubles } from "./node-row.ts";
import type { NodeRecord } from "./znode.ts";

/**
 * Grows when digests come to be computed otherwise: only those of one version can be compared. 1 were those of a tree alone, 2 added
 * the sessions, 3 is computed in another way.
 */
export const digestVersion = 3;

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

/** The hash of a node without data. */
export const noDataHash = 0;

/**
 * The hash of a node's data, 32 bits: MurmurHash3. Not a CRC, for its tables, which are needed for little else, are gone from the
 * processor's cache when the next data comes. No step loses anything, so data that differ in one of its blocks of four bytes alone differ in their hash.
 */
export function hashData(bytes: DataView, from: number, length: number): number {
  return murmur3(bytes, from, length, 0x1319_8a2e);
}

/**
 * MurmurHash3_x86_32, which is in the public domain (https://github.com/aappleby/smhasher); a number of 32 bits, signed. Of a
 * DataView: to put four bytes of an array together takes as long as all the rest.
 */
export function murmur3(bytes: DataView, from: number, length: number, seed: number): number {
  const end = from + length;
  let hash = seed;
  let at = from;
  for (; at + 4 <= end; at += 4) {
    hash ^= scramble(bytes.getInt32(at, true));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe654_6b64) | 0;
  }
  let rest = 0;
  for (let last = end - 1; last >= at; last--) rest = (rest << 8) | bytes.getUint8(last);
  return finish(hash ^ scramble(rest) ^ length);
}

function scramble(word: number): number {
  const bits = Math.imul(word, 0xcc9e_2d51);
  return Math.imul((bits << 15) | (bits >>> 17), 0x1b87_3593);
}

/** Makes of 32 bits others, of which each depends on all of them. */
function finish(bits: number): number {
  let hash = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

/** Takes 32 bits more into a hash. */
function mix(hash: number, bits: number): number {
  return finish((Math.imul(hash, 0x27d4_eb2f) + bits) | 0);
}

function foldNumbers(numbers: readonly number[]): void {
  laneA = 0x1319_8a2e;
  laneB = 0x0370_7344;
  for (const number of numbers) {
    laneA = mix(laneA, number);
    laneB = mix(laneB, number);
  }
}

/**
 * A term is the sum of what the node is made of, each times a number of its own, in two lanes with other numbers, so that they do not
 * fail together. The sums are mixed up in the end, or else two nodes could change places in part. No step waits for another.
 */
function foldNode(pathHash: number, node: DigestedNode): void {
  const { numbers, numbersAt: at, dataHash, version, aversion, lifetime } = node;
  const czxid = numbers[at + doubles.czxid] as number;
  const mzxid = numbers[at + doubles.mzxid] as number;
  const pzxid = numbers[at + doubles.pzxid] as number;
  const ctimeMs = numbers[at + doubles.ctimeMs] as number;
  const mtimeMs = numbers[at + doubles.mtimeMs] as number;
  const childCreates = numbers[at + doubles.childCreates] as number;
  const aclHash = hashAcl(node.acl);
  const lifetimeHash = hashLifetime(lifetime);
  // Mostly the same in all five: the epoch, and the upper part of the time.
  let uppers = Math.imul(upper(czxid), 0x2545_f491) + Math.imul(upper(mzxid), 0x5851_f42d);
  uppers += Math.imul(upper(pzxid), 0x1405_7b7f) + Math.imul(upper(ctimeMs), 0x6c07_8965);
  uppers = (uppers + Math.imul(upper(mtimeMs), 0x41c6_4e6d)) | 0;
  let a = 0xc2c0_63ff;
  a = (a + Math.imul(pathHash, 0x239e_ed25)) | 0;
  a = (a + Math.imul(dataHash, 0x9585_07ad)) | 0;
  a = (a + Math.imul(aclHash, 0xf768_064f)) | 0;
  a = (a + Math.imul(lifetimeHash, 0x0e9a_8df5)) | 0;
  a = (a + Math.imul(czxid, 0x5511_3dc3)) | 0;
  a = (a + Math.imul(mzxid, 0xe0c6_7745)) | 0;
  a = (a + Math.imul(pzxid, 0x5966_eb45)) | 0;
  a = (a + Math.imul(ctimeMs, 0xfcb0_42d9)) | 0;
  a = (a + Math.imul(mtimeMs, 0x4ca8_2985)) | 0;
  a = (a + Math.imul(uppers, 0x1720_800f)) | 0;
  a = (a + Math.imul(version, 0xb9c4_8cb1)) | 0;
  a = (a + Math.imul(aversion, 0xa9f1_8631)) | 0;
  a = (a + Math.imul(childCreates, 0xd6c9_3f01)) | 0;
  let b = 0xbc4d_13dd;
  b = (b + Math.imul(pathHash, 0xa83c_546d)) | 0;
  b = (b + Math.imul(dataHash, 0xdf2d_5c05)) | 0;
  b = (b + Math.imul(aclHash, 0xa396_6023)) | 0;
  b = (b + Math.imul(lifetimeHash, 0xcddb_a417)) | 0;
  b = (b + Math.imul(czxid, 0xace9_70fd)) | 0;
  b = (b + Math.imul(mzxid, 0x2b5e_adad)) | 0;
  b = (b + Math.imul(pzxid, 0x4fe2_c4e1)) | 0;
  b = (b + Math.imul(ctimeMs, 0xe25f_e71d)) | 0;
  b = (b + Math.imul(mtimeMs, 0x0063_3257)) | 0;
  b = (b + Math.imul(uppers, 0xa999_8119)) | 0;
  b = (b + Math.imul(version, 0x34c6_049f)) | 0;
  b = (b + Math.imul(aversion, 0x1942_8e8b)) | 0;
  b = (b + Math.imul(childCreates, 0xe66c_0e99)) | 0;
  laneA = finish(a);
  laneB = finish(b);
}

function hashLifetime(lifetime: Lifetime): number {
  switch (lifetime.kind) {
    case "persistent":
      return 0;
    case "container":
      return 1;
    case "ttl":
      return mix(mix(2, upper(lifetime.ttlMs)), lifetime.ttlMs | 0);
    case "ephemeral":
      return hashEphemeral(lifetime);
  }
}

const ephemeralHashes = new WeakMap<Lifetime, number>();

/** A session's nodes share one lifetime, and to write a bigint as text takes as long as the rest of a term. */
function hashEphemeral(lifetime: Extract<Lifetime, { readonly kind: "ephemeral" }>): number {
  let hash = ephemeralHashes.get(lifetime);
  if (hash === undefined) {
    hash = mix(3, hashText(lifetime.owner.toString(36)));
    ephemeralHashes.set(lifetime, hash);
  }
  return hash;
}

/** All but the lower 32 bits of a whole number below 2^53. */
function upper(value: number): number {
  return (value / 2 ** 32) | 0;
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
