/** The checksum of everything that Corral keeps on disk. Here, because it is a Node builtin. */
import { crc32 as zlibCrc32 } from "node:zlib";

/**
 * CRC-32 (IEEE, as in gzip) of `bytes`, an unsigned 32-bit number. `start` is the value to go on from: the checksum of
 * what stands before, or any other 32-bit number that the checksum shall depend on.
 */
export function crc32(bytes: Uint8Array, start = 0): number {
  return bytes.length > shortBytes ? zlibCrc32(bytes, start) : crc32Short(bytes, start);
}

/** Up to here the call into Node takes longer than the bytes do. */
const shortBytes = 64;

const table = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  table[byte] = value;
}

function crc32Short(bytes: Uint8Array, start: number): number {
  let value = ~start;
  for (let at = 0; at < bytes.length; at++) value = (table[(value ^ bytes[at]!) & 0xff] as number) ^ (value >>> 8);
  return ~value >>> 0;
}
