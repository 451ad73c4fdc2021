/** The ids that an allocator has and has not given out yet. Pure. */

/** Ids from `from` up to, and without, `to`. */
export interface IdBlock {
  readonly from: bigint;
  readonly to: bigint;
}

/** Blocks in hand. Gives out each id once, each greater than the one before. */
export class IdBlocks {
  #blocks: IdBlock[] = [];
  #left = 0n;

  /** How many ids are left. */
  get left(): bigint {
    return this.#left;
  }

  /** Takes a block in hand, whose ids are greater than all before. */
  add({ from, to }: IdBlock): void {
    if (from >= to) throw new RangeError(`${from} to ${to} is no block of ids.`);
    const last = this.#blocks.at(-1);
    if (last !== undefined && from < last.to) throw new RangeError(`${from} does not come after ${last.to}.`);
    this.#left += to - from;
    this.#blocks.push({ from, to });
  }

  /** The next id, or `undefined` if none is left. */
  take(): bigint | undefined {
    const first = this.#blocks[0];
    if (first === undefined) return undefined;
    const rest = { from: first.from + 1n, to: first.to };
    if (rest.from === rest.to) this.#blocks.shift();
    else this.#blocks[0] = rest;
    this.#left--;
    return first.from;
  }
}
