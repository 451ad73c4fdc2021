/**
 * A digest of a tree: the sum, modulo 2^128, of the first 16 bytes of the SHA-256 of each node's path, data, access list
 * and kind. It does not depend on the order in which the nodes come. Versions, times and zxids are no part of it, for no
 * client can copy them.
 */
import type { Acl } from "@corral/client";
import { sha256 } from "@corral/io";
import type { TreeNode } from "./tree-node.ts";

const modulus = 1n << 128n;

/** Counts nodes, bytes of data and the digest. */
export class TreeSum {
  #nodes = 0;
  #bytes = 0;
  #digest = 0n;

  add(node: TreeNode): void {
    this.#nodes++;
    this.#bytes += node.data?.length ?? 0;
    this.#digest = (this.#digest + nodeDigest(node)) % modulus;
  }

  get nodes(): number {
    return this.#nodes;
  }

  /** Of data. */
  get bytes(): number {
    return this.#bytes;
  }

  /** 32 hexadecimal digits. */
  get digest(): string {
    return this.#digest.toString(16).padStart(32, "0");
  }
}

function nodeDigest({ path, data, acl, kind }: TreeNode): bigint {
  const base64 = data === null ? null : Buffer.from(data).toString("base64");
  const text = JSON.stringify([path, base64, aclText(acl), kind]);
  return BigInt(`0x${sha256(Buffer.from(text)).toString("hex", 0, 16)}`);
}

/** An access list as text; the order of its entries means nothing. */
export function aclText(acl: readonly Acl[]): string {
  const entries = acl.map(({ perms, id }) => JSON.stringify([perms, id.scheme, id.id]));
  return [...new Set(entries)].sort().join();
}
