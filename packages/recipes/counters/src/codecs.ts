/** Codecs of numbers, as others write them; for everything else the client has codecs. */
import type { Codec } from "@corral/client";
import { type CounterFormat, decodeCounter, encodeCounter } from "./formats.ts";

function decode(format: CounterFormat, data: Uint8Array | null): bigint {
  const value = decodeCounter(format, data && Buffer.from(data), "the node");
  if (value === undefined) throw new Error("the node has no data");
  return value;
}

/** 4 bytes, big-endian, two's complement: Curator's SharedCount, and the shared limit of a Semaphore. */
export const int32: Codec<number> = {
  encode: (value) => encodeCounter("int32", BigInt(value)),
  decode: (data) => Number(decode("int32", data)),
};

/** 8 bytes, big-endian, two's complement: Curator's DistributedAtomicLong. */
export const int64: Codec<bigint> = {
  encode: (value) => encodeCounter("int64", value),
  decode: (data) => decode("int64", data),
};
