/**
 * Bytes of many small values, side by side in few large buffers: an object for each would cost more than the bytes, and
 * the garbage collector would have to look at all of them. A value is known by its number and its length.
 */
import { assert } from "@corral/protocol";
import { hashData } from "./tree-digest.ts";

/** Cells are multiples of this, so that little is wasted and freed ones fit others. */
const grainBytes = 16;
/** What is longer has a buffer of its own. */
const smallBytes = 1_024;
/** Large enough for the operating system to get it back when it is dropped. */
const slabBytes = 256 << 10;

const empty = Buffer.alloc(0);
const emptyView = new DataView(new ArrayBuffer(0));

/** Where values can be written to. */
export interface ValueWriter {
  /** Takes the bytes of `source` from `start` up to `end`. */
  part(source: Buffer, start: number, end: number): void;
}

/** Values by number; see the head of this file. */
export class Slabs {
  readonly #small: (Cells | undefined)[] = [];
  readonly #large: (Buffer | undefined)[] = [];
  readonly #freeLarge: number[] = [];
  #largeBytes = 0;

  /** Memory that is held, in bytes. */
  get heldBytes(): number {
    let bytes = this.#largeBytes;
    for (const cells of this.#small) bytes += cells?.heldBytes ?? 0;
    return bytes;
  }

  /** Takes a copy. Returns its number, which means something only together with its length. */
  add(bytes: Uint8Array): number {
    const { length } = bytes;
    if (length === 0) return 0;
    if (length <= smallBytes) return this.#cells(length).add(bytes);
    const number = this.#freeLarge.pop() ?? this.#large.length;
    const own = Buffer.allocUnsafeSlow(length);
    own.set(bytes);
    this.#large[number] = own;
    this.#largeBytes += length;
    return number;
  }

  /** The bytes where they are: to be used before anything is added or removed. */
  view(number: number, length: number): Buffer {
    if (length === 0) return empty;
    if (length <= smallBytes) return this.#cells(length).view(number, length);
    return this.#large[number] ?? empty;
  }

  /** The hash that the bytes have in a digest. */
  hash(number: number, length: number): number {
    if (length === 0) return hashData(emptyView, 0, 0);
    if (length <= smallBytes) return this.#cells(length).hash(number, length);
    const own = this.#large[number];
    assert(own !== undefined, "a long value has a buffer of its own");
    return hashData(new DataView(own.buffer), own.byteOffset, length);
  }

  /** Writes the bytes. */
  write(out: ValueWriter, number: number, length: number): void {
    if (length === 0) return;
    if (length <= smallBytes) return this.#cells(length).write(out, number, length);
    const own = this.#large[number];
    assert(own !== undefined, "a long value has a buffer of its own");
    out.part(own, 0, length);
  }

  /** Forgets a value; its number will be another's. */
  remove(number: number, length: number): void {
    if (length === 0) return;
    if (length <= smallBytes) return this.#cells(length).remove(number);
    this.#large[number] = undefined;
    this.#largeBytes -= length;
    this.#freeLarge.push(number);
  }

  #cells(length: number): Cells {
    const size = Math.ceil(length / grainBytes);
    let cells = this.#small[size];
    if (cells === undefined) {
      cells = new Cells(size * grainBytes);
      this.#small[size] = cells;
    }
    return cells;
  }
}

/** A buffer cut into cells. Those that are free again are a list: each begins with the place of the next. */
interface Slab {
  readonly number: number;
  /** Absent while the slab is empty and its memory given back. */
  buffer: Buffer | undefined;
  /** Of the same bytes. */
  view: DataView | undefined;
  used: number;
  /** Cells from here on were never used. */
  fresh: number;
  firstFree: number;
  /** Whether it is among those that are looked at for room. */
  isListed: boolean;
}

const none = -1;

/** Values of about one length. */
class Cells {
  readonly #cellBytes: number;
  readonly #cellsPerSlab: number;
  readonly #slabs: Slab[] = [];
  /** Those with room, the next to be filled last; also some that have none any more, or no memory. */
  readonly #listed: Slab[] = [];
  /** Without memory. They are taken only when no other has room, or what is left would be spread over all of them. */
  readonly #vacant: Slab[] = [];
  #emptySlabs = 0;
  heldBytes = 0;

  constructor(cellBytes: number) {
    this.#cellBytes = cellBytes;
    this.#cellsPerSlab = Math.floor(slabBytes / cellBytes);
  }

  add(bytes: Uint8Array): number {
    const slab = this.#withRoom();
    const { buffer, firstFree } = slab;
    let cell = firstFree;
    if (cell === none) cell = slab.fresh++;
    else slab.firstFree = buffer.readInt32LE(cell * this.#cellBytes);
    if (slab.used === 0) this.#emptySlabs--;
    slab.used++;
    buffer.set(bytes, cell * this.#cellBytes);
    return slab.number * this.#cellsPerSlab + cell;
  }

  view(number: number, length: number): Buffer {
    const at = (number % this.#cellsPerSlab) * this.#cellBytes;
    return this.#slabOf(number).buffer?.subarray(at, at + length) ?? empty;
  }

  hash(number: number, length: number): number {
    const { view } = this.#slabOf(number);
    assert(view !== undefined, "a slab with a value has its memory");
    return hashData(view, (number % this.#cellsPerSlab) * this.#cellBytes, length);
  }

  write(out: ValueWriter, number: number, length: number): void {
    const { buffer } = this.#slabOf(number);
    assert(buffer !== undefined, "a slab with a value has its memory");
    const at = (number % this.#cellsPerSlab) * this.#cellBytes;
    out.part(buffer, at, at + length);
  }

  remove(number: number): void {
    const slab = this.#slabOf(number);
    const cell = number % this.#cellsPerSlab;
    slab.buffer?.writeInt32LE(slab.firstFree, cell * this.#cellBytes);
    slab.firstFree = cell;
    slab.used--;
    this.#list(slab);
    if (slab.used > 0) return;
    // One empty slab is kept, or a value that comes and goes would have one made each time.
    if (this.#emptySlabs === 0) this.#emptySlabs++;
    else this.#vacate(slab);
  }

  #withRoom(): Slab & { readonly buffer: Buffer } {
    for (let slab = this.#listed.at(-1); slab !== undefined; slab = this.#listed.at(-1)) {
      if (slab.buffer !== undefined && slab.used < this.#cellsPerSlab) return slab as Slab & { buffer: Buffer };
      slab.isListed = false;
      this.#listed.pop();
    }
    const slab = this.#vacant.pop() ?? this.#another();
    const buffer = Buffer.allocUnsafeSlow(this.#cellsPerSlab * this.#cellBytes);
    this.heldBytes += buffer.length;
    this.#emptySlabs++;
    this.#list(slab);
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    return Object.assign(slab, { buffer, view, fresh: 0, firstFree: none });
  }

  #another(): Slab {
    const { length: number } = this.#slabs;
    const nothing = { buffer: undefined, view: undefined, used: 0, fresh: 0, firstFree: none, isListed: false };
    const slab: Slab = { number, ...nothing };
    this.#slabs.push(slab);
    return slab;
  }

  #list(slab: Slab): void {
    if (slab.isListed) return;
    slab.isListed = true;
    this.#listed.push(slab);
  }

  #vacate(slab: Slab): void {
    this.heldBytes -= slab.buffer?.length ?? 0;
    slab.buffer = undefined;
    slab.view = undefined;
    this.#vacant.push(slab);
  }

  #slabOf(number: number): Slab {
    return this.#slabs[Math.floor(number / this.#cellsPerSlab)] as Slab;
  }
}
