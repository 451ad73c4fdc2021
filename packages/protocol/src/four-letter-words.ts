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

/** What the reference calls the four bytes that telnet sends when a person interrupts it. */
export const telnetClose = "telnet close";
const interrupt = "\xff\xf4\xff\xfd";

/** What the first four bytes of a connection may ask for. */
export type AskedWord = FourLetterWord | typeof telnetClose;

/** The command in the first four bytes of a connection, or `undefined` if they are something else. */
export function fourLetterWord(bytes: Uint8Array): AskedWord | undefined {
  if (bytes.length < 4) return undefined;
  const word = String.fromCharCode(bytes[0] ?? 0, bytes[1] ?? 0, bytes[2] ?? 0, bytes[3] ?? 0);
  if (word === interrupt) return telnetClose;
  return known.has(word) ? (word as FourLetterWord) : undefined;
}
