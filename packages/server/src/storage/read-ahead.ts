/**
 * Reads a file from front to back in large steps, the next of which is under way while the last is being used. What is read in
 * small pieces would otherwise wait for the disk, or for nothing but its turn in Node's thread pool, at each of them.
 */
import type { DiskFile } from "@corral/io";
import { assert } from "@corral/protocol";

const stepBytes = 256 * 1024;

/** See the head of this file. To be ended before the file is closed. */
export class ReadAhead {
  readonly #file: Pick<DiskFile, "read">;
  readonly #size: number;
  /** What was read last, and where it begins. */
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  /** What comes behind it. */
  #next: Promise<Buffer> | undefined;

  /** `size`: bytes of the file. */
  constructor(file: Pick<DiskFile, "read">, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** The bytes at `position`, fewer at the end of the file. Never before those of the last call. Rejects as the file does. */
  async read(position: number, length: number): Promise<Buffer> {
    const windowEnd = this.#windowStart + this.#window.length;
    assert(position >= this.#windowStart && position <= windowEnd, "what is read ahead is read in order");
    if (position + length > windowEnd && windowEnd < this.#size) await this.#advance(position, length);
    const from = position - this.#windowStart;
    return this.#window.subarray(from, from + length);
  }

  /** Lets go of the file. */
  async end(): Promise<void> {
    // Nobody wants these bytes any more, so nobody wants to know why they could not be read.
    await Promise.allSettled([this.#next]);
  }

  async #advance(position: number, length: number): Promise<void> {
    const parts = [this.#window.subarray(position - this.#windowStart)];
    let end = this.#windowStart + this.#window.length;
    while (end < position + length && end < this.#size) {
      const step = await (this.#next ?? this.#fetch(end, position + length - end));
      this.#next = undefined;
      if (step.length === 0) break;
      parts.push(step);
      end += step.length;
    }
    this.#window =
      parts[0]?.length === 0 && parts[1] !== undefined && parts.length === 2 ? parts[1] : Buffer.concat(parts);
    this.#windowStart = position;
    if (end < this.#size) this.#next = this.#fetch(end, 0);
  }

  #fetch(position: number, least: number): Promise<Buffer> {
    const step = this.#file.read(position, Math.min(this.#size - position, Math.max(stepBytes, least)));
    step.catch(() => {
      // Told to who waits for it, if anybody comes to it; it may fail before.
    });
    return step;
  }
}
