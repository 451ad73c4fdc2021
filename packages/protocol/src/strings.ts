/** Text as an item of a vector, and text as Java writes it. */
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** Writes one item of a vector of texts. */
export function writeString(writer: Writer, value: string): void {
  writer.string(value);
}

/** Reads one item of a vector of texts. */
export function readString(reader: Reader): string {
  return reader.string();
}

/** Reads one item of a vector of texts, each of which must be there: null is a `DecodeError`. */
export function readRequiredString(reader: Reader): string {
  return reader.requiredString();
}

/**
 * The text in `bytes[start, end)`: UTF-8, or CESU-8, in which Java peers write characters beyond U+FFFF (each half of
 * the surrogate pair in three bytes). Only identities can hold such characters; read as plain UTF-8, two different
 * ones would become equal. Bytes that are neither read as U+FFFD.
 */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  // That is UTF-8. A name of an encoding would be looked up, each time.
  const text = bytes.toString(undefined, start, end);
  return text.includes("\ufffd") ? decodeCesu8(bytes, start, end) : text;
}

function decodeCesu8(bytes: Buffer, start: number, end: number): string {
  let text = "";
  let from = start;
  for (let at = start; at + 6 <= end; at++) {
    if (!isSurrogate(bytes, at, 0xa0) || !isSurrogate(bytes, at + 3, 0xb0)) continue;
    text += bytes.toString("utf8", from, at) + String.fromCharCode(unit(bytes, at), unit(bytes, at + 3));
    from = at + 6;
    at = from - 1;
  }
  return text + bytes.toString("utf8", from, end);
}

/** Whether three bytes at `at` are a surrogate: a high one for `second` 0xa0, a low one for 0xb0. */
function isSurrogate(bytes: Buffer, at: number, second: number): boolean {
  return bytes[at] === 0xed && (bytes[at + 1]! & 0xf0) === second && (bytes[at + 2]! & 0xc0) === 0x80;
}

function unit(bytes: Buffer, at: number): number {
  return 0xd000 | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f);
}
