/**
 * Bytes of many small values, side by side in few large buffers: an object for each would cost more than the bytes, and
 * the garbage collector would have to look at all of them. A value is known by its number and its length.
 */

/** Cells are multiples of this, so that little is wasted and freed ones fit others. */
const grainBytes = 16;
/** What is longer has a buffer of its own. */
const smallBytes = 1_024;
/** Large enough for the operating system to get it back when it is dropped. */
const slabBytes = 256 << 10;

const empty = Buffer.alloc(0);

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

interface Slab {
  /** Absent while the slab is empty and its memory given back. */
  buffer: Buffer | undefined;
  used: number;
}

/** Values of about one length. */
class Cells {
  readonly #cellBytes: number;
  readonly #cellsPerSlab: number;
  readonly #slabs: Slab[] = [];
  /** Numbers that are free again; those never used come after. */
  readonly #free: number[] = [];
  #fresh = 0;
  #emptySlabs = 0;
  heldBytes = 0;

  constructor(cellBytes: number) {
    this.#cellBytes = cellBytes;
    this.#cellsPerSlab = Math.floor(slabBytes / cellBytes);
  }

  add(bytes: Uint8Array): number {
    const number = this.#free.pop() ?? this.#fresh++;
    const slab = this.#slabOf(number);
    if (slab.buffer === undefined) {
      slab.buffer = Buffer.allocUnsafeSlow(this.#cellsPerSlab * this.#cellBytes);
      this.heldBytes += slab.buffer.length;
    } else if (slab.used === 0) this.#emptySlabs--;
    slab.used++;
    slab.buffer.set(bytes, this.#offsetOf(number));
    return number;
  }

  view(number: number, length: number): Buffer {
    const at = this.#offsetOf(number);
    return this.#slabOf(number).buffer?.subarray(at, at + length) ?? empty;
  }

  remove(number: number): void {
    this.#free.push(number);
    const slab = this.#slabOf(number);
    slab.used--;
    if (slab.used > 0) return;
    // One empty slab is kept, or a value that comes and goes would have one made each time.
    if (this.#emptySlabs === 0) {
      this.#emptySlabs++;
    } else {
      this.heldBytes -= slab.buffer?.length ?? 0;
      slab.buffer = undefined;
    }
  }

  #slabOf(number: number): Slab {
    const at = Math.floor(number / this.#cellsPerSlab);
    let slab = this.#slabs[at];
    if (slab === undefined) {
      slab = { buffer: undefined, used: 0 };
      this.#slabs[at] = slab;
    }
    return slab;
  }

  #offsetOf(number: number): number {
    return (number % this.#cellsPerSlab) * this.#cellBytes;
  }
}
