/** One file's bytes, twice: as programs see them, and as a crash would leave them. */
import { diskBlockBytes } from "@corral/io";
import type { SeededRandom } from "./seeded-random.ts";

/** What a disk writes as a whole or not at all. */
export const sectorBytes = 512;

/** Part of `MemoryDisk`. */
export class Inode {
  #bytes = Buffer.alloc(0);
  #durable = Buffer.alloc(0);
  #length = 0;
  #durableLength = 0;
  /** Written since the last sync, from … to. */
  #dirtyFrom = Number.POSITIVE_INFINITY;
  #dirtyTo = 0;
  /** Whether its having been read shows, as its time of access does on a real disk. */
  wasRead = false;
  readonly #blocksUnderWay = new Set<number>();

  get length(): number {
    return this.#length;
  }

  /** The bytes as programs see them; valid until the next write. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    if (end > this.#length) this.truncate(end);
    this.#bytes.set(bytes, position);
    this.#dirty(position, end);
  }

  truncate(length: number): void {
    if (length === this.#length) return;
    if (length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(length, this.#bytes.length * 2, 4_096));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.fill(0, Math.min(length, this.#length), Math.max(length, this.#length));
    this.#dirty(Math.min(length, this.#length), length);
    this.#length = length;
  }

  /** Makes what was written since the last sync durable. */
  sync(): void {
    if (this.#length > this.#durable.length) {
      const grown = Buffer.alloc(this.#bytes.length);
      this.#durable.copy(grown, 0, 0, this.#durableLength);
      this.#durable = grown;
    }
    if (this.#length < this.#durableLength) this.#durable.fill(0, this.#length, this.#durableLength);
    this.#durableLength = this.#length;
    const from = Math.min(this.#dirtyFrom, this.#length);
    const to = Math.min(this.#dirtyTo, this.#length);
    if (from < to) this.#bytes.copy(this.#durable, from, from, to);
    this.forgetUnsynced();
  }

  /** Nobody else may write through to these blocks until the function that is returned has been called. */
  beginWriteThrough(from: number, to: number): () => void {
    const blocks: number[] = [];
    for (let at = from - (from % diskBlockBytes); at < to; at += diskBlockBytes) blocks.push(at);
    const taken = blocks.find((block) => this.#blocksUnderWay.has(block));
    if (taken !== undefined) throw new RangeError(`two writes are under way in the block at byte ${taken}`);
    for (const block of blocks) this.#blocksUnderWay.add(block);
    return () => {
      for (const block of blocks) this.#blocksUnderWay.delete(block);
    };
  }

  /** Makes just these bytes durable, which are within the file's durable length. */
  syncRange(from: number, to: number): void {
    if (to > this.#durableLength) throw new RangeError("a write-through must not make the file longer");
    this.#bytes.copy(this.#durable, from, from, to);
  }

  /** What was written stays visible, but no later sync will make it durable. */
  forgetUnsynced(): void {
    this.#dirtyFrom = Number.POSITIVE_INFINITY;
    this.#dirtyTo = 0;
  }

  /** A copy in the same state. */
  clone(): Inode {
    const copy = new Inode();
    copy.#bytes = Buffer.from(this.#bytes);
    copy.#durable = Buffer.from(this.#durable);
    copy.#length = this.#length;
    copy.#durableLength = this.#durableLength;
    copy.#dirtyFrom = this.#dirtyFrom;
    copy.#dirtyTo = this.#dirtyTo;
    copy.wasRead = this.wasRead;
    return copy;
  }

  /** What is left after a crash: the durable bytes, and with `random` some of the other sectors. */
  afterCrash(random: SeededRandom | undefined): Inode {
    const left = new Inode();
    left.wasRead = this.wasRead;
    const length = random && random.below(2) === 0 ? this.#length : this.#durableLength;
    left.truncate(length);
    left.write(0, this.#durable.subarray(0, Math.min(length, this.#durableLength)));
    if (random) this.#keepSome(left, random);
    left.sync();
    return left;
  }

  /** Three kinds of crashes: a prefix of the unsynced sectors made it to the disk, or all but a few, or any. */
  #keepSome(left: Inode, random: SeededRandom): void {
    const end = Math.min(left.length, this.#length);
    const changed: number[] = [];
    for (let from = 0; from < end; from += sectorBytes) {
      const to = Math.min(from + sectorBytes, end);
      if (this.#bytes.compare(left.#bytes, from, to, from, to) !== 0) changed.push(from);
    }
    const kind = random.below(3);
    const prefix = random.below(changed.length + 1);
    changed.forEach((from, index) => {
      const kept = kind === 0 ? index < prefix : kind === 1 ? random.below(8) > 0 : random.below(2) === 0;
      if (kept) left.write(from, this.#bytes.subarray(from, Math.min(from + sectorBytes, end)));
    });
  }

  #dirty(from: number, to: number): void {
    this.#dirtyFrom = Math.min(this.#dirtyFrom, from);
    this.#dirtyTo = Math.max(this.#dirtyTo, to);
  }
}
