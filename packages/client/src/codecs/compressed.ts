/** Values that take less room. */
import { type Compression, gzipCompression } from "@corral/io";
import { limits } from "../limits.ts";
import type { Codec } from "./codec.ts";

/**
 * `codec`, compressed: for values of some kilobytes and more, as a node holds one megabyte at most. Data that was stored
 * without compression is read as well, so that it can be introduced while others still write.
 */
export function compressed<T>(codec: Codec<T>, compression: Compression = gzipCompression): Codec<T> {
  return {
    encode: async (value) => {
      const data = await codec.encode(value);
      return data === null ? null : await compression.compress(data);
    },
    decode: async (data) => {
      if (data === null || !compression.recognises(data)) return await codec.decode(data);
      return await codec.decode(await compression.decompress(data, limits.decompressedBytes));
    },
  };
}
