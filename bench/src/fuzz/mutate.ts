/** Bytes that are nearly right: chance from a seed, and what it does to bytes. */

/** A number below `bound`, from a seed: the same numbers for the same seed. */
export type Chance = (bound: number) => number;

/** Chance from a seed (mulberry32). */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

/** Lengths, counts and versions that lie in wait. */
const trickyInts = [-(2 ** 31), -2, -1, 0, 1, 2, 0x7fff, 0xfffff, 0x100000, 2 ** 31 - 1];

/** One to four changes: a byte, an int, a cut, something put in, something said twice; now and then nothing but noise. */
export function mutated(original: Buffer, chance: Chance): Buffer {
  if (chance(20) === 0) return noise(chance(200), chance);
  let bytes: Buffer = Buffer.from(original);
  for (let changes = 1 + chance(4); changes > 0; changes--) bytes = changed(bytes, chance);
  return bytes;
}

/** Bytes by chance, half of the time small ones, which pass more checks of lengths. */
export function noise(length: number, chance: Chance): Buffer {
  const bound = chance(2) === 0 ? 4 : 256;
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = chance(bound);
  return bytes;
}

function changed(bytes: Buffer, chance: Chance): Buffer {
  const at = chance(bytes.length + 1);
  switch (chance(6)) {
    case 0:
      if (at < bytes.length) bytes[at] = chance(256);
      return bytes;
    case 1:
    case 2:
      if (bytes.length >= 4) bytes.writeInt32BE(trickyInts[chance(trickyInts.length)] ?? 0, chance(bytes.length - 3));
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), noise(chance(12), chance), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes, bytes.subarray(at, at + chance(bytes.length + 1 - at))]);
  }
}
