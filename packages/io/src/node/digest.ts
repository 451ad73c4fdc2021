/** Message digests, of which Node has the implementation. */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** `base64(sha1(text))`, as ZooKeeper's digest scheme identifies a user. Compatible, not strong. */
export function sha1Base64(text: string): string {
  return createHash("sha1").update(text, "utf8").digest("base64");
}

/** What identifies a user of ZooKeeper's digest scheme, by Java's names, and how long each digest is, bytes. */
export const digestLengths = {
  SHA1: 20,
  "SHA-256": 32,
  "SHA-384": 48,
  "SHA-512": 64,
  "SHA3-256": 32,
  "SHA3-384": 48,
  "SHA3-512": 64,
} as const;

/** One of them. */
export type DigestAlgorithm = keyof typeof digestLengths;

/** `base64(algorithm(text))`. */
export function digestBase64(algorithm: DigestAlgorithm, text: string): string {
  const name = algorithm.toLowerCase().replace(/^sha-/, "sha");
  return createHash(name).update(text, "utf8").digest("base64");
}

/** `md5(bytes)`, for protocols that are stuck with it. */
export function md5(bytes: Uint8Array): Buffer {
  return createHash("md5").update(bytes).digest();
}

/** `sha256(bytes)`, 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** `HMAC-SHA-256(key, bytes)`, 32 bytes. */
export function hmacSha256(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac("sha256", key).update(bytes).digest();
}

/** `PBKDF2-HMAC-SHA-256(password, salt, iterations)`, 32 bytes. Ten thousand iterations take some five milliseconds. */
export function pbkdf2Sha256(password: string, salt: Uint8Array, iterations: number): Buffer {
  return pbkdf2Sync(password, salt, iterations, 32, "sha256");
}
