/**
 * Reads a file from front to back in large steps, the next of which is under way while the last is being used. What is read in
 * small pieces would otherwise wait for the disk, or for nothing but its turn in Node's thread pool, at each of them.
 */
import type { DiskFile } from "@corral/io";
import { assert } from "@corral/protocol";

const stepBytes = 512 * 1024;

/** What one step has read. */
interface Step {
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
}

/** See the head of this file. To be ended before the file is closed. */
export class ReadAhead {
  readonly #file: Pick<DiskFile, "read">;
  readonly #size: number;
  /** Those that may be wanted still, one behind the other. */
  #steps: Step[] = [];
  /** Where the next step begins, behind them. */
  #end: number;
  /** The next step. */
  #next: Promise<Buffer> | undefined;

  /** `size`: bytes of the file. `start`: the first position that will be asked for. */
  constructor(file: Pick<DiskFile, "read">, size: number, start = 0) {
    this.#file = file;
    this.#size = size;
    this.#end = start;
  }

  /** The bytes at `position`, fewer at the end of the file. Never before those of the last call. Rejects as the file does. */
  async read(position: number, length: number): Promise<Buffer> {
    const bytes = await this.from(position, length);
    return bytes.subarray(0, length);
  }

  /** The bytes from `position` on: `least` at least, unless the file ends before, and what else is at hand. Otherwise as `read`. */
  async from(position: number, least: number): Promise<Buffer> {
    const isInOrder = position >= (this.#steps[0]?.start ?? this.#end);
    assert(isInOrder, "what is read ahead is read in order");
    while (this.#steps[0] !== undefined && this.#steps[0].end <= position) this.#steps.shift();
    while (this.#end < Math.min(position + least, this.#size)) {
      if (!(await this.#step(position, position + least))) break;
    }
    const [first, ...others] = this.#steps;
    if (first === undefined) return Buffer.alloc(0);
    const rest = first.bytes.subarray(position - first.start);
    if (rest.length >= least || others.length === 0) return rest;
    // In two steps or more: that much is copied, and no more.
    return Buffer.concat([rest, ...others.map(({ bytes }) => bytes)], Math.min(least, this.#end - position));
  }

  /** Lets go of the file. */
  async end(): Promise<void> {
    // Nobody wants these bytes any more, so nobody wants to know why they could not be read.
    await Promise.allSettled([this.#next]);
  }

  /** Takes the next step, if it is not before `from`, and begins the one behind it. False if the file has become shorter. */
  async #step(from: number, to: number): Promise<boolean> {
    const bytes = await (this.#next ?? this.#fetch(to - this.#end));
    this.#next = undefined;
    const start = this.#end;
    this.#end += bytes.length;
    if (this.#end > from) this.#steps.push({ start, end: this.#end, bytes });
    if (bytes.length > 0 && this.#end < this.#size) this.#next = this.#fetch(0);
    return bytes.length > 0;
  }

  #fetch(least: number): Promise<Buffer> {
    const step = this.#file.read(this.#end, Math.min(this.#size - this.#end, Math.max(stepBytes, least)));
    step.catch(() => {
      // Told to who waits for it, if anybody comes to it; it may fail before.
    });
    return step;
  }
}
