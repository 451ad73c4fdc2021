/**
 * Reads the primitive encodings of the wire (jute's binary format) from one frame. Every read is bounded by the frame;
 * anything else throws `DecodeError`. What it returns as bytes is a view of the frame: copy what is to be kept.
 */
import { DecodeError } from "./decode-error.ts";
import { decodeText } from "./strings.ts";

/** Reads one frame, or a part of a buffer, from front to back. */
export class Reader {
  readonly #bytes: Buffer;
  #offset: number;
  readonly #end: number;

  constructor(bytes: Buffer, offset = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#end = end;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  /** Where the next read starts, in bytes from the start of the buffer. */
  get offset(): number {
    return this.#offset;
  }

  /** The rest of the frame, as a view. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#offset, this.#end);
  }

  #take(length: number, what: string): number {
    const start = this.#offset;
    if (length > this.#end - start) {
      throw new DecodeError(`${what} needs ${length} bytes, ${this.#end - start} are left`, start);
    }
    this.#offset = start + length;
    return start;
  }

  /** Goes on behind `expected`, if those are the bytes that come next. */
  skip(expected: Uint8Array): boolean {
    const start = this.#offset;
    if (expected.length > this.#end - start) return false;
    for (let i = 0; i < expected.length; i++) if (this.#bytes[start + i] !== expected[i]) return false;
    this.#offset = start + expected.length;
    return true;
  }

  /** A signed byte. */
  byte(): number {
    return this.#bytes.readInt8(this.#take(1, "byte"));
  }

  /** A byte, of which any but 0 is true. */
  bool(): boolean {
    return this.#bytes[this.#take(1, "bool")] !== 0;
  }

  /** Four bytes, signed. */
  int(): number {
    return this.#bytes.readInt32BE(this.#take(4, "int"));
  }

  /** A long that must fit a double exactly: zxids, times, config ids. */
  long(): number {
    const start = this.#take(8, "long");
    const value = this.#bytes.readInt32BE(start) * 4294967296 + this.#bytes.readUInt32BE(start + 4);
    if (!Number.isSafeInteger(value)) {
      throw new DecodeError(`long ${this.#bytes.readBigInt64BE(start)} is beyond 2^53`, start);
    }
    return value;
  }

  /** A long, or the nearest number that a double has exactly: where one that is larger means no more than that it is large. */
  nearestLong(): number {
    const start = this.#take(8, "long");
    const value = this.#bytes.readInt32BE(start) * 4294967296 + this.#bytes.readUInt32BE(start + 4);
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER));
  }

  /** A long of which all 64 bits count: session ids. */
  bigLong(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8, "long"));
  }

  /** Bytes, or null for length −1. A view, not a copy. */
  buffer(): Buffer | null {
    const length = this.#length("buffer");
    if (length < 0) return null;
    const start = this.#take(length, "buffer");
    return this.#bytes.subarray(start, start + length);
  }

  /** UTF-8 text, or null for length −1. */
  nullableString(): string | null {
    const length = this.#length("string");
    if (length < 0) return null;
    const start = this.#take(length, "string");
    return decodeText(this.#bytes, start, start + length);
  }

  /** UTF-8 text without which nothing can be done: null is a `DecodeError`. */
  requiredString(): string {
    const text = this.nullableString();
    if (text === null) throw new DecodeError("null in the place of a text", this.#offset - 4);
    return text;
  }

  /** UTF-8 text where null makes no sense; null reads as the empty string, as the reference server has it. */
  string(): string {
    return this.nullableString() ?? "";
  }

  /** Items, or null for count −1. */
  nullableVector<T>(readItem: (reader: Reader) => T): T[] | null {
    const count = this.#length("vector");
    if (count < 0) return null;
    // Every item takes at least one byte, so that a count beyond the frame is refused before anything is allocated.
    if (count > this.remaining) {
      throw new DecodeError(`vector of ${count} items in ${this.remaining} bytes`, this.#offset);
    }
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(readItem(this));
    return items;
  }

  /** Items where null makes no sense; null reads as none. */
  vector<T>(readItem: (reader: Reader) => T): T[] {
    return this.nullableVector(readItem) ?? [];
  }

  #length(what: string): number {
    const at = this.#offset;
    const length = this.int();
    if (length < -1) throw new DecodeError(`${what} of length ${length}`, at);
    return length;
  }
}
