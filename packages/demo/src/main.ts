/**
 * The demo's entry: command line, input, signals, and the promise that nothing is left behind. What happens in between is
 * in run/run-demo.ts. Exit codes: 0 everything is proven, 1 it is not or could not be tried, 2 wrong flags, 130 interrupted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pc from "picocolors";
import { createDisplay, type Display } from "./board/display.ts";
import { plain, printable, styled } from "./board/segments.ts";
import { describeSkipped, findTexts } from "./input/find-texts.ts";
import { InputError, reasonOf } from "./input/input-error.ts";
import { type DemoOptions, parseOptions } from "./options.ts";
import { Children, UnexpectedEndError } from "./processes/child.ts";
import { DemoError, InterruptedError } from "./run/demo-error.ts";
import { runDemo } from "./run/run-demo.ts";
import { orAborted } from "./run/wait.ts";

const EXIT_INTERRUPTED = 130;

/** The texts that come with Corral. */
function defaultInput(): string {
  return fileURLToPath(new URL("../corpus/texts", import.meta.resolve("@corral/master-worker")));
}

/** Everything that must not outlive the demo, and how it is got rid of, at leisure or at once. */
class Leftovers {
  readonly children: Children;
  readonly #keep: boolean;
  #directory: string | undefined;

  constructor(keep: boolean, onSurprise: (error: UnexpectedEndError) => void) {
    this.#keep = keep;
    this.children = new Children(onSurprise);
  }

  makeDirectory(): string {
    try {
      this.#directory = mkdtempSync(join(tmpdir(), "corral-demo-"));
    } catch (error) {
      throw new InputError(
        `The demo cannot make its directory in ${tmpdir()}: ${reasonOf(error)}. Set TMPDIR to a directory that can be written.`,
      );
    }
    if (!this.#keep) {
      this.children.bequeath(this.#directory);
    }
    return this.#directory;
  }

  /** Ends what still runs, then removes the directory. Resolves to the directory's path if it is kept. */
  async clear(): Promise<string | undefined> {
    await this.children.killAll();
    return this.clearNow();
  }

  /** The same without waiting, for the last moment of the process. */
  clearNow(): string | undefined {
    this.children.killAllNow();
    if (this.#directory !== undefined && !this.#keep) {
      // A process killed an instant ago may still be writing: try again until the directory is empty.
      rmSync(this.#directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      this.#directory = undefined;
    }
    return this.#directory;
  }
}

async function demo(
  options: DemoOptions,
  leftovers: Leftovers,
  display: Display,
  end: AbortController,
): Promise<boolean> {
  const input = options.input ?? defaultInput();
  const { texts, skipped } = await findTexts(input, end.signal);
  if (skipped.length > 0) {
    display.line([styled("yellow", `Not counted: ${describeSkipped(skipped)}.`)]);
  }
  const directory = leftovers.makeDirectory();
  return await runDemo({ options, input, texts, directory, children: leftovers.children, display, end });
}

/** What is said about what ended the demo early: a sentence for what can happen, all there is for what must not. */
function explain(error: unknown): string {
  const isKnown = [InputError, DemoError, UnexpectedEndError, InterruptedError].some((kind) => error instanceof kind);
  if (isKnown && error instanceof Error) {
    return error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function main(): Promise<number> {
  const parsed = parseOptions(process.argv.slice(2), process.cwd());
  if (parsed.kind === "exit") {
    (parsed.exitCode === 0 ? process.stdout : process.stderr).write(parsed.text);
    return parsed.exitCode;
  }
  const end = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => end.abort(new InterruptedError(signal)));
  }
  // Whoever reads the output has gone away (`npm run demo | head`): there is nobody left to show anything to.
  process.stdout.on("error", () => end.abort(new InterruptedError("the output was closed")));

  const display = createDisplay(process.stdout, pc.isColorSupported && process.stdout.isTTY === true);
  const leftovers = new Leftovers(parsed.options.keep, (error) => end.abort(error));
  // Ctrl-Z: the processes are stopped too, or the work would be done behind the back of a demo that shows and kills.
  process.on("SIGTSTP", () => {
    display.suspend();
    leftovers.children.suspend();
    process.kill(process.pid, "SIGSTOP");
  });
  process.on("SIGCONT", () => {
    leftovers.children.resume();
    // The terminal may have another size by now, of which a stopped process hears nothing; Node asks when it is told this.
    process.kill(process.pid, "SIGWINCH");
    display.resume();
  });
  process.once("exit", () => {
    display.close();
    leftovers.clearNow();
  });
  let exitCode = 1;
  let ending: unknown;
  try {
    const isProven = await orAborted(demo(parsed.options, leftovers, display, end), end.signal);
    exitCode = isProven ? 0 : 1;
  } catch (error) {
    exitCode = error instanceof InterruptedError ? EXIT_INTERRUPTED : 1;
    ending = error;
  }
  display.close();
  const kept = await leftovers.clear();
  if (ending !== undefined) {
    process.stderr.write(`${pc.red(explain(ending))}\n`);
  }
  if (kept !== undefined) {
    display.line([plain(`Kept: ${printable(kept)}`)]);
  }
  return exitCode;
}

process.exit(await main());
