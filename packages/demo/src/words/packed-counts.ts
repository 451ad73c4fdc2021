/**
 * The counts of one text as few bytes: what a worker's result carries. The total's most frequent words cannot be told
 * from each text's most frequent ones, so all counts travel. They must fit one znode (a little under 1 MB), so they are
 * packed: words sorted, each written as what it adds to the word before it, deflated. A novel of 700 KB takes about
 * 20 KB, and a result holds some 280,000 different words of natural language. A text with more is refused with a
 * sentence, never cut.
 *
 *   line = shared "\t" rest "\t" count "\n"      shared: UTF-16 units in common with the word before, decimal
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { WordCounts } from "./word-counter.ts";

/** Most bytes of packed counts in a result. Leaves room for the rest of the result below the limit of the library. */
export const PACKED_BYTES_MAX = 850_000;

/** Most bytes that packed counts may have when unpacked: a bound for what a damaged result can do. */
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;

/** The counts of one text do not fit in a result. */
export class TooManyWordsError extends Error {
  override readonly name = "TooManyWordsError";
  constructor(distinct: number, packedBytes: number, limitBytes: number) {
    super(
      `it has ${distinct} different words, whose counts take ${packedBytes} bytes when packed; ` +
        `a result holds ${limitBytes} bytes. Split the file.`,
    );
  }
}

/** The words in ascending order of their UTF-16 units: the same in every locale. */
export function sortedWords(counts: ReadonlyMap<string, number>): string[] {
  return [...counts.keys()].sort();
}

/** Packs counts. Equal counts give equal bytes within one version of Node. Throws `TooManyWordsError`. */
export function packCounts(counts: ReadonlyMap<string, number>, limitBytes = PACKED_BYTES_MAX): Buffer {
  let text = "";
  let before = "";
  for (const word of sortedWords(counts)) {
    const shared = commonPrefix(before, word);
    text += `${shared}\t${word.slice(shared)}\t${counts.get(word)}\n`;
    before = word;
  }
  const packed = deflateRawSync(text);
  if (packed.length > limitBytes) {
    throw new TooManyWordsError(counts.size, packed.length, limitBytes);
  }
  return packed;
}

/** The reverse of `packCounts`. Throws an Error when the bytes are not packed counts. */
export function unpackCounts(packed: Uint8Array): WordCounts {
  const result: WordCounts = { words: 0, counts: new Map() };
  const text = inflateRawSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX }).toString("utf8");
  let before = "";
  for (const line of text.split("\n").slice(0, -1)) {
    const [shared, rest, count] = line.split("\t");
    const occurrences = Number(count);
    if (rest === undefined || !Number.isSafeInteger(occurrences) || occurrences < 1) {
      throw new Error(`Damaged word counts: ${JSON.stringify(line.slice(0, 80))} is not "shared, rest, count".`);
    }
    before = before.slice(0, Number(shared)) + rest;
    result.counts.set(before, occurrences);
    result.words += occurrences;
  }
  return result;
}

/** UTF-16 units in common; never ends between two surrogates, because the rest must survive UTF-8 on its own. */
function commonPrefix(one: string, other: string): number {
  const longest = Math.min(one.length, other.length);
  let length = 0;
  while (length < longest && one.charCodeAt(length) === other.charCodeAt(length)) {
    length += 1;
  }
  const last = one.charCodeAt(length - 1);
  return last >= 0xd800 && last <= 0xdbff ? length - 1 : length;
}
