/** The codecs that need nothing else: bytes, text, JSON. */
import type { Codec } from "./codec.ts";

/** Bytes as they are. */
export const raw: Codec<Uint8Array | null> = {
  encode: (value) => value,
  decode: (data) => data,
};

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text as UTF-8. A node without data is the empty text; bytes that are no UTF-8 are refused, and texts that have no UTF-8. */
export const utf8: Codec<string> = {
  encode: (value) => {
    if (typeof value !== "string") throw new TypeError(`a string was expected, not ${typeof value}`);
    requireWellFormed(value);
    return Buffer.from(value, "utf8");
  },
  decode: (data) => (data === null ? "" : strictUtf8.decode(data)),
};

/** JSON. What comes back is `unknown`: say with `validated(json, schema)` what it must be. */
export const json: Codec<unknown> = {
  encode: (value) => {
    const text = JSON.stringify(value);
    // Functions, symbols and undefined: JSON has nothing for them, and JSON.stringify no error.
    if (text === undefined) throw new TypeError(`JSON has no form for a value of type ${typeof value}`);
    return Buffer.from(text, "utf8");
  },
  decode: (data) => JSON.parse(strictUtf8.decode(withData(data))),
};

/** @throws RangeError for half of a character of two units: UTF-8 has none, and what is written instead comes back as another. */
export function requireWellFormed(text: string): void {
  if (text.isWellFormed()) return;
  const start = JSON.stringify(text.slice(0, 40));
  throw new RangeError(
    `a text with a lone surrogate has no form in UTF-8: take it out, or use the codec \`json\` (${start}…)`,
  );
}

/** @throws Error if there is no data, which is no value of any of the formats. */
export function withData(data: Uint8Array | null): Uint8Array {
  if (data === null || data.length === 0) throw new Error("the node has no data");
  return data;
}

/** A value that may be missing: a node without data, or with none that counts, is `undefined`. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    encode: (value) => (value === undefined ? null : codec.encode(value)),
    decode: (data) => (data === null || data.length === 0 ? undefined : codec.decode(data)),
  };
}
