/** gzip, off the event loop. */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Compression } from "../ports/compression.ts";

const compress = promisify<Uint8Array, Buffer>(gzip);
const decompress = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip);

/** gzip (RFC 1952), which every platform can read. */
export const gzipCompression: Compression = {
  compress: (bytes) => compress(bytes),
  decompress: (bytes, bytesMax) => decompress(bytes, { maxOutputLength: bytesMax }),
  recognises: (bytes) => bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b,
};
