/** A worker's journal on disk: each line is handed to the operating system before the worker goes on. */
import { appendFileSync } from "node:fs";
import { formatEntry, type JournalEntry } from "../proof/journal.ts";

/** The part of an entry that the journal does not know by itself. */
type Unstamped = JournalEntry extends infer Entry
  ? Entry extends JournalEntry
    ? Omit<Entry, "worker" | "atMs">
    : never
  : never;

/** Appends to one worker's journal. */
export class JournalFile {
  readonly #file: string;
  readonly #worker: string;

  /** Creates the file: from here on the worker is known to have lived. */
  constructor(file: string, worker: string) {
    this.#file = file;
    this.#worker = worker;
    appendFileSync(file, "");
  }

  /** Writes one line. Synchronous on purpose: what comes after it in the program comes after it on the disk. */
  write(entry: Unstamped): void {
    appendFileSync(this.#file, formatEntry({ ...entry, worker: this.#worker, atMs: Date.now() }));
  }
}
