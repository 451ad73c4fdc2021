/**
 * Writes the primitive encodings of the wire (jute's binary format) into a buffer that grows. One writer gathers any
 * number of frames, so that all output of one turn leaves in one piece.
 */
import { assert } from "./assert.ts";

const emptyBuffer = Buffer.alloc(0);

/** Never more than this is reserved on the strength of what was written last. */
const mostExpected = 64 << 10;

/** Up to so many characters, writing them one by one is quicker than the call that would write them all. */
const shortText = 64;

/** Up to so many bytes, copying them one by one is quicker than making a view for the call that would copy them all. */
const shortPart = 64;

/** Writes frames, one after the other. Values are checked: one that its field cannot hold is the program's mistake. */
export class Writer {
  /** Bytes of the frame that was ended last, behind its length; 0 while there was none. */
  lastFrameBytes = 0;
  #bytes: Buffer;
  #length = 0;
  readonly #initialSize: number;
  /** What is reserved first: what was written last will do again. */
  #expected: number;

  constructor(initialSize = 256) {
    this.#initialSize = initialSize;
    this.#expected = initialSize;
    this.#bytes = emptyBuffer;
  }

  /** Bytes written and not yet taken. */
  get length(): number {
    return this.#length;
  }

  /** Hands over what was written and starts afresh; the bytes are the caller's to keep. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#expected = Math.max(this.#initialSize, Math.min(this.#length, mostExpected));
    this.#bytes = emptyBuffer;
    this.#length = 0;
    return taken;
  }

  /** Forgets what was written from `length` on. */
  rewind(length: number): void {
    assert(length <= this.#length, "rewind goes back");
    this.#length = length;
  }

  #reserve(count: number): number {
    const start = this.#length;
    const needed = start + count;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2, this.#expected));
      this.#bytes.copy(grown, 0, 0, start);
      this.#bytes = grown;
    }
    this.#length = needed;
    return start;
  }

  /** A signed byte. */
  byte(value: number): void {
    assert(value === (value << 24) >> 24, "a byte is a whole number of 8 bits");
    this.#bytes.writeInt8(value, this.#reserve(1));
  }

  /** One byte, 1 or 0. */
  bool(value: boolean): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value ? 1 : 0;
  }

  /** Four bytes, signed. */
  int(value: number): void {
    assert(value === (value | 0), "an int is a whole number of 32 bits");
    const at = this.#reserve(4);
    this.#putInt(at, value);
  }

  #putInt(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** A long held as a number: zxids, times. */
  long(value: number): void {
    assert(Number.isSafeInteger(value), "a long held as a number is a safe integer");
    const at = this.#reserve(8);
    this.#putInt(at, Math.floor(value / 4294967296));
    this.#putInt(at + 4, value >>> 0);
  }

  /** Longs held as numbers side by side: those from `from` on. */
  longs(values: Float64Array, from: number, count: number): void {
    let at = this.#reserve(8 * count);
    for (let i = from; i < from + count; i++) {
      const value = values[i] as number;
      assert(Number.isSafeInteger(value), "a long held as a number is a safe integer");
      this.#putInt(at, Math.floor(value / 4294967296));
      this.#putInt(at + 4, value >>> 0);
      at += 8;
    }
  }

  /** A long of which all 64 bits count: session ids. */
  bigLong(value: bigint): void {
    const at = this.#reserve(8);
    if (value === 0n) {
      this.#putInt(at, 0);
      this.#putInt(at + 4, 0);
      return;
    }
    this.#bytes.writeBigInt64BE(value, at);
  }

  /** Bytes; null is written as length −1. */
  buffer(value: Uint8Array | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    this.int(value.length);
    this.raw(value);
  }

  /** UTF-8 text, or what of it begins at the code unit `from`; null is written as length −1. */
  string(value: string | null, from = 0): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    const at = this.#reserve(4 + (value.length - from) * 3);
    const plain = value.length - from <= shortText && this.#putAscii(at + 4, value, from);
    const length = plain
      ? value.length - from
      : this.#bytes.write(from === 0 ? value : value.slice(from), at + 4, "utf8");
    this.#putInt(at, length);
    this.#length = at + 4 + length;
  }

  /** Writes a character a byte. `false`: one of them needs more. */
  #putAscii(at: number, value: string, from: number): boolean {
    const bytes = this.#bytes;
    const end = value.length - from;
    for (let i = 0; i < end; i++) {
      const unit = value.charCodeAt(from + i);
      if (unit > 0x7f) return false;
      bytes[at + i] = unit;
    }
    return true;
  }

  /** Items with their count; null is written as count −1. */
  vector<T>(items: readonly T[] | null, writeItem: (writer: Writer, item: T) => void): void {
    if (items === null) {
      this.int(-1);
      return;
    }
    this.int(items.length);
    for (const item of items) writeItem(this, item);
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
  }

  /** The bytes of `source` from `start` up to `end`, without a length. */
  part(source: Buffer, start: number, end: number): void {
    const count = end - start;
    const at = this.#reserve(count);
    const bytes = this.#bytes;
    if (count > shortPart) {
      bytes.set(source.subarray(start, end), at);
      return;
    }
    for (let i = 0; i < count; i++) bytes[at + i] = source[start + i] as number;
  }

  /** Begins a frame: leaves room for its length. Returns the mark to end it with. */
  beginFrame(): number {
    return this.#reserve(4);
  }

  /** Ends the frame begun at `mark` by filling in its length. */
  endFrame(mark: number): void {
    this.lastFrameBytes = this.#length - mark - 4;
    this.#putInt(mark, this.lastFrameBytes);
  }
}
