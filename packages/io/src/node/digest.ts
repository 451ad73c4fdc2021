/** Message digests, of which Node has the implementation. */
import { createHash } from "node:crypto";

/** `base64(sha1(text))`, as ZooKeeper's digest scheme identifies a user. Compatible, not strong. */
export function sha1Base64(text: string): string {
  return createHash("sha1").update(text, "utf8").digest("base64");
}

/** `md5(bytes)`, for protocols that are stuck with it. */
export function md5(bytes: Uint8Array): Buffer {
  return createHash("md5").update(bytes).digest();
}

/** `sha256(bytes)`, 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
