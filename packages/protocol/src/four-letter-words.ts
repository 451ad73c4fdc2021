/** The four-letter words: commands a person types into `nc`, sent as four bytes on a fresh connection. */
export const fourLetterWords = [
  "conf",
  "cons",
  "crst",
  "dirs",
  "dump",
  "envi",
  "gtmk",
  "hash",
  "isro",
  "mntr",
  "ruok",
  "srst",
  "srvr",
  "stat",
  "stmk",
  "wchc",
  "wchp",
  "wchs",
] as const;

/** One of the four-letter words. */
export type FourLetterWord = (typeof fourLetterWords)[number];

const known = new Set<string>(fourLetterWords);

/** The command in the first four bytes of a connection, or `undefined` if they are something else. */
export function fourLetterWord(bytes: Uint8Array): FourLetterWord | undefined {
  if (bytes.length < 4) return undefined;
  const word = String.fromCharCode(bytes[0] ?? 0, bytes[1] ?? 0, bytes[2] ?? 0, bytes[3] ?? 0);
  return known.has(word) ? (word as FourLetterWord) : undefined;
}
