/**
 * How a counter's value stands in its node. Pure. Three ways, each somebody else's too:
 *
 * int64    8 bytes, big-endian, two's complement: Curator's DistributedAtomicLong
 * int32    4 bytes, the same: Curator's SharedCount and DistributedAtomicInteger, kazoo's Counter with `support_curator`
 * decimal  digits, "-" before them if negative, of any length: kazoo's Counter, and people with a shell
 *
 * No data is no value yet, for all of them.
 */
import { MarshallingError } from "@corral/client";

/** See the head of this file. */
export type CounterFormat = "int64" | "int32" | "decimal";

const bits: Readonly<Record<CounterFormat, number | undefined>> = { int64: 64, int32: 32, decimal: undefined };

/** More would not be a counter, and dear to compute with. */
const decimalDigitsMax = 1_000;
const decimalPattern = /^-?\d{1,1000}$/;

/**
 * The bytes of a value.
 * @throws RangeError if the format has no room for it: a counter never wraps around. TypeError if it is no bigint
 */
export function encodeCounter(format: CounterFormat, value: bigint): Buffer {
  checkBigint(value);
  const width = bits[format];
  if (width === undefined) {
    const text = value.toString();
    if (!decimalPattern.test(text)) throw new RangeError(`A counter has at most ${decimalDigitsMax} digits.`);
    return Buffer.from(text, "latin1");
  }
  if (BigInt.asIntN(width, value) !== value) {
    throw new RangeError(`${value} does not fit into the ${width} bits of a counter of format ${format}.`);
  }
  const bytes = Buffer.alloc(width / 8);
  if (width === 64) bytes.writeBigInt64BE(value);
  else bytes.writeInt32BE(Number(value));
  return bytes;
}

/** @throws TypeError for what is no bigint: as text it would be appended to the digits */
export function checkBigint(value: bigint): void {
  if (typeof value === "bigint") return;
  throw new TypeError(
    `A counter counts in bigint, and ${JSON.stringify(value)} is not a bigint. Write 5n, or BigInt(value).`,
  );
}

/**
 * The value that stands in the node at `path`; `undefined` if none does yet.
 * @throws MarshallingError if it is of another format.
 */
export function decodeCounter(format: CounterFormat, data: Buffer | null, path: string): bigint | undefined {
  if (data === null || data.length === 0) return undefined;
  const width = bits[format];
  if (width === undefined) {
    const text = data.toString("latin1");
    if (decimalPattern.test(text)) return BigInt(text);
  } else if (data.length === width / 8) {
    return width === 64 ? data.readBigInt64BE() : BigInt(data.readInt32BE());
  }
  throw new MarshallingError({
    operation: "read the counter",
    path,
    detail: `the node holds ${data.length} bytes that are no counter of format ${format}`,
    remedy: "Use the format that it was written in, or another path.",
  });
}
