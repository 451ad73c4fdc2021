/**
 * What a worker writes down about its own doings, on its own disk, as they happen: the evidence that does not come from
 * the tree. One JSON object a line. Lines are appended by one system call each, so a worker killed in the middle leaves
 * at most a last line that is cut; the kernel keeps what was written.
 */

/** One line of a worker's journal. */
export type JournalEntry = JournalStamp &
  (
    | { readonly event: "start" }
    /** The work is done; from now on the library may report it. */
    | { readonly event: "end" }
    /** The work was given up: the task is no longer this worker's, or the worker stops. */
    | { readonly event: "aborted"; readonly reason: string }
    | { readonly event: "failed"; readonly reason: string }
    /** What became of the report. `refused`: the assignment was no longer this worker's. */
    | { readonly event: "report"; readonly outcome: ReportOutcome }
  );

/** What a worker learns about its report. */
export type ReportOutcome = "recorded" | "refused" | "unknown";

interface JournalStamp {
  readonly worker: string;
  readonly task: string;
  /** 1 for the first time that the task was given to a worker. */
  readonly attempt: number;
  /** Wall clock, milliseconds since 1970. */
  readonly atMs: number;
}

/** The line for `entry`, with its line end. */
export function formatEntry(entry: JournalEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** The entries of one journal. A last line without its end was being written when the worker was killed: it is left out. */
export function parseJournal(text: string, name: string): JournalEntry[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line, index) => {
    const entry = parseLine(line);
    if (entry === undefined) {
      throw new Error(`Line ${index + 1} of the journal ${name} is damaged: ${JSON.stringify(line.slice(0, 120))}`);
    }
    return entry;
  });
}

const EVENTS = new Set(["start", "end", "aborted", "failed", "report"]);

function parseLine(line: string): JournalEntry | undefined {
  let value: Partial<JournalEntry>;
  try {
    value = JSON.parse(line) as Partial<JournalEntry>;
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
  const { event, worker, task, attempt } = value ?? {};
  const whole = typeof worker === "string" && typeof task === "string" && Number.isSafeInteger(attempt);
  return whole && event !== undefined && EVENTS.has(event) ? (value as JournalEntry) : undefined;
}
