/**
 * What the data of a contender's node says: who it is, and what has become of it. Pure.
 *
 * `__REVOKE__` asks the holder to give the lock up, as Curator writes it. What begins with `__READS_NOW__` is of a writer
 * that reads now; what follows is its identity, or that it is asked. Everything else is the identity.
 */

const revocationMark = "__REVOKE__";
const readsNowMark = "__READS_NOW__";

/** The data of a contender's node, taken apart. */
export interface Marks {
  /** What it gave as `identity`; empty when it was overwritten by whoever asked for the lock. */
  readonly identity: string;
  /** Somebody has asked it to give the lock up. */
  readonly isAskedFor: boolean;
  /** It was a writer and is a reader. It keeps its place, so no other writer can pass it. */
  readonly readsNow: boolean;
}

/** What the data says. */
export function marksOf(data: Buffer | null): Marks {
  const text = data?.toString("utf8") ?? "";
  const readsNow = text.startsWith(readsNowMark);
  const rest = readsNow ? text.slice(readsNowMark.length) : text;
  const isAskedFor = rest === revocationMark;
  return { identity: isAskedFor ? "" : rest, isAskedFor, readsNow };
}

/** The data that asks for the lock, in place of `data`. */
export function askedFor(data: Buffer | null): string {
  return marksOf(data).readsNow ? readsNowMark + revocationMark : revocationMark;
}

/** The data of a writer that has become a reader, in place of `data`. */
export function readingNow(data: Buffer | null): string {
  const text = data?.toString("utf8") ?? "";
  return text.startsWith(readsNowMark) ? text : readsNowMark + text;
}
