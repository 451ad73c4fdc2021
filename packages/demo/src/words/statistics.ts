/**
 * The statistics that the demo prints, made from word counts. Deterministic: words of equal frequency stand in
 * ascending order, so two computations of the same input agree to the byte.
 */
import { createHash } from "node:crypto";
import { sortedWords } from "./packed-counts.ts";
import { mergeCounts, type WordCounts } from "./word-counter.ts";

/** A word and how often it occurs. */
export interface WordFrequency {
  readonly word: string;
  readonly count: number;
}

/** What is said about one text, or about all of them. */
export interface TextStatistics {
  /** Words in all. */
  readonly words: number;
  /** Different words. */
  readonly distinct: number;
  /** The most frequent words, most frequent first, equally frequent ones in ascending order. */
  readonly top: readonly WordFrequency[];
  /** SHA-256 over all counts, hexadecimal: equal exactly when every word has the same count. */
  readonly fingerprint: string;
}

/** Statistics of a set of texts. */
export interface CorpusStatistics {
  /** By the file's path below the input directory, with `/`. */
  readonly files: Readonly<Record<string, TextStatistics>>;
  readonly total: TextStatistics;
}

/** The `limit` most frequent words. */
export function mostFrequent(counts: ReadonlyMap<string, number>, limit: number): WordFrequency[] {
  return [...counts]
    .map(([word, count]) => ({ word, count }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
    .slice(0, limit);
}

/** Sums counts up, with the `topWords` most frequent words. */
export function summarise(counted: WordCounts, topWords: number): TextStatistics {
  const hash = createHash("sha256");
  for (const word of sortedWords(counted.counts)) {
    hash.update(`${word}\t${counted.counts.get(word)}\n`);
  }
  return {
    words: counted.words,
    distinct: counted.counts.size,
    top: mostFrequent(counted.counts, topWords),
    fingerprint: hash.digest("hex"),
  };
}

/** Collects the counts of one text after the other; holds the total's counts and each text's statistics only. */
export class CorpusSummary {
  readonly #topWords: number;
  readonly #files: Record<string, TextStatistics> = Object.create(null);
  readonly #total: WordCounts = { words: 0, counts: new Map() };

  constructor(topWords: number) {
    this.#topWords = topWords;
  }

  /** Adds the text at `path`. Each path once. */
  add(path: string, counted: WordCounts): void {
    this.#files[path] = summarise(counted, this.#topWords);
    mergeCounts(this.#total, counted);
  }

  /** What was added so far. */
  statistics(): CorpusStatistics {
    return { files: { ...this.#files }, total: summarise(this.#total, this.#topWords) };
  }
}

/** How `actual` differs from `expected`, one sentence a difference, at most `limit`; empty when they are identical. */
export function differences(actual: CorpusStatistics, expected: CorpusStatistics, limit = 5): string[] {
  const found: string[] = [];
  const paths = new Set([...Object.keys(expected.files), ...Object.keys(actual.files)]);
  for (const path of [...paths].sort()) {
    compare(path, actual.files[path], expected.files[path], found);
  }
  compare("the total", actual.total, expected.total, found);
  return found.slice(0, limit);
}

function compare(
  what: string,
  actual: TextStatistics | undefined,
  expected: TextStatistics | undefined,
  found: string[],
) {
  if (actual === undefined || expected === undefined) {
    found.push(`${what}: ${actual === undefined ? "has no result" : "has a result though it was not asked for"}.`);
    return;
  }
  for (const key of ["words", "distinct"] as const) {
    if (actual[key] !== expected[key]) {
      found.push(`${what}: ${key} is ${actual[key]}, computed directly it is ${expected[key]}.`);
    }
  }
  if (describe(actual.top) !== describe(expected.top)) {
    found.push(`${what}: the most frequent words are ${describe(actual.top)}, directly ${describe(expected.top)}.`);
  } else if (actual.fingerprint !== expected.fingerprint) {
    found.push(`${what}: some word's count differs from the direct computation.`);
  }
}

function describe(top: readonly WordFrequency[]): string {
  return top.map(({ word, count }) => `${word} ${count}`).join(", ");
}
