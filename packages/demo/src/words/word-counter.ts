/**
 * Counts the words of a text that comes in pieces. What is a word is decided here and nowhere else:
 *
 *   word  = run *( "'" run )         don't, l'été, o'clock; a quotation mark before or after a word is no part of it
 *   run   = letter *( letter / mark )
 *
 * letters and marks by Unicode (\p{L}, \p{M}), the apostrophe as ' or ’; everything else separates. Words are compared
 * without regard to case (Unicode lower case) and composition (NFC). Digits are not letters: "1984" is no word.
 * Languages written without spaces are not divided: a run of Chinese characters is one word.
 *
 * The counts do not depend on how the text was cut into pieces, not even between two halves of a surrogate pair.
 */

/** How often each word occurs, and how many words there are in all. */
export interface WordCounts {
  /** The sum of all counts. */
  words: number;
  /** Occurrences by word, folded as described above. */
  readonly counts: Map<string, number>;
}

/** UTF-16 units of a word that are kept. What a longer "word" has beyond is ignored, so that no input can fill the memory. */
export const LONGEST_WORD = 256;

const SEPARATOR = 0;
const LETTER = 1;
const MARK = 2;
const APOSTROPHE = 3;
const UNKNOWN = 255;

/** The class of each UTF-16 unit, found out once per unit. Surrogates are classified in pairs, not here. */
const classes = new Uint8Array(65_536).fill(UNKNOWN);

function classify(character: string): number {
  if (character === "'" || character === "’") {
    return APOSTROPHE;
  }
  if (/^\p{L}$/u.test(character)) {
    return LETTER;
  }
  return /^\p{M}$/u.test(character) ? MARK : SEPARATOR;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Counts words: `push` the text in any pieces, then `finish`. */
export class WordCounter {
  readonly #result: WordCounts = { words: 0, counts: new Map() };
  /** The word under way, at most LONGEST_WORD units; empty between words. */
  #word = "";
  /** A word and one apostrophe are behind us: with a letter next it was inside a word, otherwise the word had ended. */
  #apostrophe = false;
  /** A high surrogate whose other half comes with the next piece. */
  #half = "";

  /** Takes the next piece of the text. */
  push(piece: string): void {
    const text = this.#half + piece;
    this.#half = "";
    let at = 0;
    while (at < text.length) {
      const unit = text.charCodeAt(at);
      let length = 1;
      let kind = classes[unit] as number;
      if (isHighSurrogate(unit)) {
        if (at + 1 === text.length) {
          this.#half = text[at] as string;
          return;
        }
        length = isLowSurrogate(text.charCodeAt(at + 1)) ? 2 : 1;
        kind = classify(text.slice(at, at + length));
      } else if (kind === UNKNOWN) {
        kind = classify(text[at] as string);
        classes[unit] = kind;
      }
      this.#step(kind, text, at, length);
      at += length;
    }
  }

  #step(kind: number, text: string, at: number, length: number): void {
    if (kind === LETTER || (kind === MARK && this.#word !== "" && !this.#apostrophe)) {
      const characters = length === 1 ? (text[at] as string) : text.slice(at, at + length);
      this.#append(this.#apostrophe ? `'${characters}` : characters);
      this.#apostrophe = false;
    } else if (kind === APOSTROPHE && this.#word !== "" && !this.#apostrophe) {
      this.#apostrophe = true;
    } else {
      this.#endWord();
    }
  }

  #append(characters: string): void {
    if (this.#word.length + characters.length <= LONGEST_WORD) {
      this.#word += characters;
    }
  }

  #endWord(): void {
    this.#apostrophe = false;
    if (this.#word === "") {
      return;
    }
    const { counts } = this.#result;
    const word = fold(this.#word);
    counts.set(word, (counts.get(word) ?? 0) + 1);
    this.#result.words += 1;
    this.#word = "";
  }

  /** The counts of everything pushed. The counter is used up. */
  finish(): WordCounts {
    this.#endWord();
    return this.#result;
  }
}

/** Composition first, so that lower case sees whole letters; again after, because lower case may decompose (İ). */
function fold(word: string): string {
  return word.normalize("NFC").toLowerCase().normalize("NFC");
}

/** Counts the words of a text held in memory. */
export function countWords(text: string): WordCounts {
  const counter = new WordCounter();
  counter.push(text);
  return counter.finish();
}

/** Adds the counts `from` one text to those of several. */
export function mergeCounts(into: WordCounts, from: WordCounts): void {
  into.words += from.words;
  for (const [word, count] of from.counts) {
    into.counts.set(word, (into.counts.get(word) ?? 0) + count);
  }
}
