/**
 * Reads MessagePack item by item, where a value for everything in it would be too much: a snapshot has a dozen items for each
 * node, and most of them are numbers that go straight into a column. Bytes are views. Text is what was written, to the last
 * character: a decoder that leaves out a byte order mark makes another name of it.
 */
import { DecodeError } from "@corral/protocol";

/** Reads from front to back. Everything throws DecodeError when the bytes are not what is asked for, or end. */
export class PackedReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether there is nothing left. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Where the next item starts, in bytes from the start. */
  get at(): number {
    return this.#at;
  }

  /** The bytes that were read since it was there. */
  since(at: number): Buffer {
    return this.#bytes.subarray(at, this.#at);
  }

  /** Goes on behind `expected`, if those are the bytes that come next. */
  skip(expected: Uint8Array): boolean {
    const start = this.#at;
    if (expected.length > this.#bytes.length - start) return false;
    for (let i = 0; i < expected.length; i++) if (this.#bytes[start + i] !== expected[i]) return false;
    this.#at = start + expected.length;
    return true;
  }

  /** Begins a list: how many items follow. */
  list(): number {
    const head = this.#byte();
    const count =
      (head & 0xf0) === 0x90
        ? head & 0x0f
        : head === 0xdc
          ? this.#view.getUint16(this.#take(2))
          : head === 0xdd
            ? this.#view.getUint32(this.#take(4))
            : this.#fail("a list");
    // Each item has a byte at least.
    if (count > this.#bytes.length - this.#at) throw new DecodeError(`a list of ${count} that breaks off`, this.#at);
    return count;
  }

  /** Whether a list comes next. */
  get isAtList(): boolean {
    const head = this.#bytes[this.#at] ?? 0;
    return (head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd;
  }

  /** A number; not one of 64 bits, which is for what is a bigint. */
  number(): number {
    const head = this.#byte();
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    switch (head) {
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
        return this.#view.getUint8(this.#take(1));
      case 0xcd:
        return this.#view.getUint16(this.#take(2));
      case 0xce:
        return this.#view.getUint32(this.#take(4));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      default:
        return this.#fail("a number");
    }
  }

  bool(): boolean {
    const head = this.#byte();
    if (head !== 0xc2 && head !== 0xc3) this.#fail("true or false");
    return head === 0xc3;
  }

  /** A number of 64 bits. */
  bigInt(): bigint {
    const head = this.#byte();
    if (head === 0xd3) return this.#view.getBigInt64(this.#take(8));
    return head === 0xcf ? this.#view.getBigUint64(this.#take(8)) : this.#fail("a number of 64 bits");
  }

  /** Bytes, or null. */
  nullableBytes(): Buffer | null {
    const head = this.#byte();
    if (head === 0xc0) return null;
    const length =
      head === 0xc4
        ? this.#view.getUint8(this.#take(1))
        : head === 0xc5
          ? this.#view.getUint16(this.#take(2))
          : head === 0xc6
            ? this.#view.getUint32(this.#take(4))
            : this.#fail("bytes");
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Text. */
  text(): string {
    const head = this.#byte();
    const length =
      (head & 0xe0) === 0xa0
        ? head & 0x1f
        : head === 0xd9
          ? this.#view.getUint8(this.#take(1))
          : head === 0xda
            ? this.#view.getUint16(this.#take(2))
            : head === 0xdb
              ? this.#view.getUint32(this.#take(4))
              : this.#fail("text");
    const start = this.#take(length);
    const end = start + length;
    for (let at = start; at < end; at++) if (this.#bytes[at]! >= 0x80) return this.#utf8(start, end);
    return this.#bytes.toString("latin1", start, end);
  }

  /** Bytes that are no UTF-8 would be another text when they are written again. */
  #utf8(start: number, end: number): string {
    const text = this.#bytes.toString("utf8", start, end);
    if (text.includes("\ufffd") && !Buffer.from(text).equals(this.#bytes.subarray(start, end))) {
      throw new DecodeError(`text that is not UTF-8: ${JSON.stringify(text)}`, start);
    }
    return text;
  }

  /** null, text, a number, or a bigint where a number has 64 bits. */
  scalar(): null | string | number | bigint {
    const head = this.#bytes[this.#at];
    if (head === 0xc0) {
      this.#at++;
      return null;
    }
    if (head === 0xcf) return this.#view.getBigUint64(this.#take(9) + 1);
    if (head === 0xd3) return this.#view.getBigInt64(this.#take(9) + 1);
    if (head !== undefined && ((head & 0xe0) === 0xa0 || (head >= 0xd9 && head <= 0xdb))) return this.text();
    return this.number();
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new DecodeError("something that breaks off", start);
    this.#at = start + length;
    return start;
  }

  #fail(what: string): never {
    throw new DecodeError(`something else in the place of ${what}`, this.#at - 1);
  }
}
