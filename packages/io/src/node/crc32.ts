/** The checksum of everything that Corral keeps on disk. Here, because it is a Node builtin. */
import { crc32 as zlibCrc32 } from "node:zlib";

/**
 * CRC-32 (IEEE, as in gzip) of `bytes`, an unsigned 32-bit number. `start` is the value to go on from: the checksum of
 * what stands before, or any other 32-bit number that the checksum shall depend on.
 */
export function crc32(bytes: Uint8Array, start = 0): number {
  return zlibCrc32(bytes, start);
}
