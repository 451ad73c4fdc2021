/** Chance that replays: the same seed gives the same numbers on every machine. Not for secrets. */
import type { Random } from "@corral/io";

/** The generator, with what tests need besides the port. */
export interface SeededRandom extends Random {
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T;
}

/** A generator that starts from `seed` (any whole number). A Weyl sequence, mixed as MurmurHash3 ends. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x85ebca6b);
    mixed ^= mixed >>> 13;
    mixed = Math.imul(mixed, 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const fraction = (): number => next() / 2 ** 32;
  const below = (limit: number): number => Math.floor(fraction() * limit);
  return {
    fraction,
    below,
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    pick(items) {
      if (items.length === 0) throw new RangeError("Nothing to pick from");
      return items[below(items.length)]!;
    },
  };
}
