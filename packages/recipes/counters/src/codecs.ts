/** How values become bytes. */
import { ValueFormatError } from "./errors.ts";
import { decodeCounter, encodeCounter } from "./formats.ts";

/** Bytes of a value and back. `decode` may throw: the value is then told to be of another format. */
export interface ValueCodec<T> {
  encode(value: T): Uint8Array;
  decode(data: Buffer): T;
}

/** Text, as UTF-8. */
export const utf8Value: ValueCodec<string> = {
  encode: (value) => Buffer.from(value, "utf8"),
  decode: (data) => data.toString("utf8"),
};

/** 4 bytes, big-endian, two's complement: Curator's SharedCount, and the shared limit of a Semaphore. */
export const int32Value: ValueCodec<number> = {
  encode: (value) => encodeCounter("int32", BigInt(value)),
  decode: (data) => {
    const value = decodeCounter("int32", data, "the node");
    if (value === undefined) throw new RangeError("no bytes");
    return Number(value);
  },
};

/** JSON of values of one type. What is read is not looked at: give a codec of your own where others may write nonsense. */
export function jsonValue<T>(): ValueCodec<T> {
  return {
    encode: (value) => Buffer.from(JSON.stringify(value), "utf8"),
    decode: (data) => JSON.parse(data.toString("utf8")) as T,
  };
}

/** The value in `data`, or `initial` where there is none yet. @throws ValueFormatError */
export function decodeValue<T>(codec: ValueCodec<T>, data: Buffer | null, initial: T, path: string): T {
  if (data === null) return initial;
  try {
    return codec.decode(data);
  } catch (error) {
    throw new ValueFormatError(path, `${data.length} bytes that the codec does not understand`, error);
  }
}
