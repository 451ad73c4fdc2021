/** What the demo tells the processes it starts, and what the client process says about the job. Lines of JSON. */
import type { CorpusStatistics } from "../words/statistics.ts";

/** What a master needs to know. */
export interface MasterConfig {
  readonly id: string;
  readonly connectString: string;
  readonly sessionTimeoutMs: number;
}

/** What a worker needs to know. */
export interface WorkerConfig extends MasterConfig {
  /** Directory of the texts. */
  readonly input: string;
  /** Its own journal. */
  readonly journalFile: string;
  /** Milliseconds that a task takes at least. */
  readonly paceMs: number;
  /** Tasks that it holds besides the one it works on. */
  readonly backlog: number;
}

/** What the client needs to know. */
export interface ClientConfig {
  readonly connectString: string;
  readonly sessionTimeoutMs: number;
  /** A JSON file with the paths of the texts: the client's job. */
  readonly jobFile: string;
  /** How many of the most frequent words are asked for. */
  readonly topWords: number;
}

/** What the client says on its standard output. */
export type ClientMessage =
  | { readonly type: "submitted"; readonly tasks: readonly string[] }
  /** All results have come. */
  | { readonly type: "statistics"; readonly statistics: CorpusStatistics }
  /** A task failed, so there are no statistics. `message` is a sentence. */
  | { readonly type: "failed"; readonly message: string };

/** A config as an argument of a process. */
export function toArgument(config: MasterConfig | WorkerConfig | ClientConfig): string {
  return JSON.stringify(config);
}

/** The config that a role was started with: its only argument. */
export function fromArgument<T extends MasterConfig | WorkerConfig | ClientConfig>(args: readonly string[]): T {
  const [argument] = args;
  if (argument === undefined || args.length !== 1) {
    throw new Error("This program is started by the demo: run `npm run demo` instead.");
  }
  return JSON.parse(argument) as T;
}
