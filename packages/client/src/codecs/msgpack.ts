/** MessagePack: binary, compact, with bytes and 64-bit integers as values of their own. */
import { decode, encode } from "@msgpack/msgpack";
import { requireWellFormed, withData } from "./basic.ts";
import type { Codec } from "./codec.ts";

/**
 * MessagePack. A bigint is an integer of 64 bits, and comes back as one; members that are `undefined` are left out. What
 * comes back is `unknown`: say with `validated(msgpack, schema)` what it must be.
 */
export const msgpack: Codec<unknown> = {
  encode: (value) => {
    refuseInexact(value);
    return encode(value, { useBigInt64: true, ignoreUndefined: true });
  },
  decode: (data) => {
    const bytes = withData(data);
    // Nothing in it can be longer than all of it. Believed as they come, lengths could ask for any amount of memory.
    const { length } = bytes;
    return decode(bytes, {
      useBigInt64: true,
      maxStrLength: length,
      maxBinLength: length,
      maxArrayLength: length,
      maxMapLength: length,
      maxExtLength: length,
    });
  },
};

/** The library decodes longer texts in a way of its own, which leaves out a byte order mark at their beginning. */
const exactTextBytes = 200;

/**
 * Integers beyond 64 bits, of which the library would write the lowest 64, and texts that would come back as others. That
 * objects come back plain, and without what is `undefined`, is as with JSON.
 */
function refuseInexact(value: unknown): void {
  if (typeof value === "string") return refuseInexactText(value);
  if (typeof value === "bigint") {
    if (value >= -(2n ** 63n) && value < 2n ** 64n) return;
    throw new RangeError(`${value} does not fit into 64 bits`);
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  if (Array.isArray(value)) {
    // By value: a million numbers are no million texts of their indexes.
    for (const member of value) refuseInexact(member);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    refuseInexactText(name);
    refuseInexact(member);
  }
}

function refuseInexactText(text: string): void {
  requireWellFormed(text);
  if (text.charCodeAt(0) !== 0xfeff || Buffer.byteLength(text) <= exactTextBytes) return;
  throw new RangeError(
    `a text of more than ${exactTextBytes} bytes that begins with a byte order mark (U+FEFF) would come back without it: ` +
      `leave the mark out, or use the codec \`json\` (${JSON.stringify(text.slice(1, 40))}…)`,
  );
}
