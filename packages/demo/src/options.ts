/** The command line of the demo. */
import { isAbsolute, resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";

/** What the person asked for. */
export interface DemoOptions {
  /** Absolute path of the directory with the texts; undefined: the texts that come with Corral. */
  readonly input: string | undefined;
  readonly workers: number;
  readonly masters: number;
  /** Whether processes are killed on the way. */
  readonly kill: boolean;
  /** Milliseconds that a task takes at least; undefined: chosen from the number of tasks, see `paceFor`. */
  readonly paceMs: number | undefined;
  /** Whether the run's directory (server data, journals, logs) is left behind. */
  readonly keep: boolean;
}

/** What `parseOptions` makes of a command line. */
export type Parsed =
  | { readonly kind: "run"; readonly options: DemoOptions }
  /** Nothing to run: `text` answers `--help` (exit code 0) or says what is wrong (exit code 2). */
  | { readonly kind: "exit"; readonly exitCode: 0 | 2; readonly text: string };

const WORKERS_MAX = 32;
const MASTERS_MAX = 9;
const PACE_MS_MAX = 600_000;

/** Parses the arguments after the program's name. `directory` is where relative paths start. */
export function parseOptions(args: readonly string[], directory: string): Parsed {
  let text = "";
  const command = build((output) => {
    text += output;
  });
  try {
    command.parse([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      return { kind: "exit", exitCode: error.exitCode === 0 ? 0 : 2, text };
    }
    throw error;
  }
  const given = command.opts<{
    input?: string;
    workers: number;
    masters: number;
    kill: boolean;
    pace?: number;
    keep: boolean;
  }>();
  const { input, workers, masters, kill, pace, keep } = given;
  const directoryOf = (path: string) => (isAbsolute(path) ? path : resolve(directory, path));
  return {
    kind: "run",
    options: {
      input: input === undefined ? undefined : directoryOf(input),
      workers,
      masters,
      kill,
      paceMs: pace,
      keep,
    },
  };
}

function build(write: (output: string) => void): Command {
  return new Command("npm run demo --")
    .usage("[flags]")
    .description(
      "Counts the words of every text file below a directory, one task a file, with a server, masters, workers and a " +
        "client as separate processes. On the way it kills the primary master, a worker and the server, then checks " +
        "that nothing was lost and nothing recorded twice.",
    )
    .option("--input <dir>", "directory with text files (default: the texts that come with Corral)", directoryName)
    .option("--workers <n>", "worker processes", wholeNumber("--workers", 1, WORKERS_MAX), 3)
    .option(
      "--masters <n>",
      "master processes: one leads, the others stand by",
      wholeNumber("--masters", 1, MASTERS_MAX),
      2,
    )
    .option("--kill", "kill the primary master, one worker and the server on the way", true)
    .option("--no-kill", "kill nothing")
    .option(
      "--pace <ms>",
      "milliseconds that each task takes at least: the worker counts, then waits for the rest (default: so long that " +
        "the whole run can be watched; 0: as fast as it goes)",
      wholeNumber("--pace", 0, PACE_MS_MAX),
    )
    .option("--keep", "leave the server's data, the workers' journals and all logs behind, and say where", false)
    .helpOption("--help", "show this text")
    .addHelpText(
      "after",
      "\nExit codes: 0 all is proven, 1 it is not or could not be tried, 2 wrong flags, 130 interrupted.",
    )
    .showSuggestionAfterError(true)
    .showHelpAfterError("Run with --help to see all flags.")
    .allowExcessArguments(false)
    .configureOutput({ writeOut: write, writeErr: write })
    .exitOverride();
}

function directoryName(value: string): string {
  if (value === "") {
    throw new InvalidArgumentError("Give --input the path of a directory.");
  }
  return value;
}

function wholeNumber(flag: string, min: number, max: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) {
      throw new InvalidArgumentError(`Give ${flag} a whole number from ${min} to ${max}.`);
    }
    return number;
  };
}

/** How long a run without `--pace` is stretched to, before anything is killed. */
const WATCHABLE_MS = 16_000;

/** No task is stretched further than this: what waits is the spectator. */
const TASK_MS_MAX = 8_000;

/**
 * Milliseconds that each of `tasks` takes at least, so that `workers` are busy long enough for the kills to land in the
 * middle and for a person to see them. Counting a file takes a few milliseconds; the rest of the time the worker waits.
 */
export function paceFor(tasks: number, workers: number): number {
  return Math.min(TASK_MS_MAX, Math.round((WATCHABLE_MS * workers) / tasks));
}
