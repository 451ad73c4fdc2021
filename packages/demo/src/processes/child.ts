/** One process that the demo has started, and all of them together: started, killed, stopped, and never left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What to start. */
export interface ChildSpec {
  /** "server", "master-1", … */
  readonly id: string;
  /** Path of the script that Node runs. */
  readonly script: string;
  readonly args: readonly string[];
  /** Where its standard error goes. Appended to. */
  readonly logFile: string;
  /** Called for each line of its standard output. */
  readonly onLine?: (line: string) => void;
  /** Whether it ends by itself, with exit code 0, when its work is done. */
  readonly endsByItself?: boolean;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process ended that should not have, or could not be started. */
export class UnexpectedEndError extends Error {
  override readonly name = "UnexpectedEndError";
}

/** Read by exit-with-parent.ts. */
const legacyVariable = "CORRAL_DEMO_LEGACY";

const exitWithParent = fileURLToPath(new URL("./exit-with-parent.js", import.meta.url));

/** A process that was started. */
export class Child {
  readonly id: string;
  readonly logFile: string;
  /** Resolves when the process is gone. Never rejects. */
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;
  #isRunning = true;
  #isKilled = false;
  /** Set before it is killed or stopped: its end is then no surprise. */
  #endExpected = false;

  /**
   * Starts the process. `onSurprise` is called if it ends without having been told to; `legacy` is a directory that it
   * removes when it ends because the demo is gone.
   */
  constructor(spec: ChildSpec, onSurprise: (error: UnexpectedEndError) => void, legacy: string | undefined) {
    this.id = spec.id;
    this.logFile = spec.logFile;
    const log = openSync(spec.logFile, "a");
    try {
      this.#process = spawn(process.execPath, ["--import", exitWithParent, spec.script, ...spec.args], {
        stdio: ["pipe", "pipe", log],
        env: legacy === undefined ? process.env : { ...process.env, [legacyVariable]: legacy },
        // A process group of its own: Ctrl-C reaches the demo alone, which then ends the others in order.
        detached: true,
      });
    } finally {
      closeSync(log);
    }
    const lines = createInterface({ input: this.#process.stdout ?? fail("no standard output") });
    lines.on("line", (line) => spec.onLine?.(line));
    this.ended = new Promise((resolve) => {
      const onEnd = (code: number | null, signal: NodeJS.Signals | null, error?: Error) => {
        this.#isRunning = false;
        resolve({ code, signal });
        if (!this.#endExpected && !(spec.endsByItself === true && code === 0)) {
          onSurprise(new UnexpectedEndError(describeEnd(spec, { code, signal }, error)));
        }
      };
      // "close", not "exit": by then all lines of its output have been seen.
      this.#process.once("close", (code, signal) => onEnd(code, signal));
      this.#process.once("error", (error) => onEnd(null, null, error));
    });
    // The pipe breaks when the process dies; its end is told by "close".
    this.#process.stdin?.on("error", () => {});
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Whether it was killed: not asked to stop, and not ended by itself. */
  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** SIGKILL: it gets no chance to say goodbye. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.killNow();
    await this.ended;
  }

  /** SIGKILL, without waiting. */
  killNow(): void {
    this.#endExpected = true;
    this.#isKilled = true;
    this.#process.kill("SIGKILL");
  }

  /** SIGSTOP: it does nothing until `resume`. */
  suspend(): void {
    this.#process.kill("SIGSTOP");
  }

  /** Ends `suspend`. */
  resume(): void {
    this.#process.kill("SIGCONT");
  }

  /** SIGTERM, and SIGKILL if that is not heeded within `graceMs`. Resolves when it is gone. */
  async stop(graceMs: number): Promise<Ending> {
    this.#endExpected = true;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }
}

function fail(what: string): never {
  throw new Error(`A process was started with ${what}.`);
}

function describeEnd(spec: ChildSpec, { code, signal }: Ending, error: Error | undefined): string {
  if (error !== undefined) {
    return `${spec.id} could not be started: ${error.message}`;
  }
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  const said = lastLines(spec.logFile, 12);
  return `${spec.id} ended unexpectedly ${how}${said === "" ? "." : `. Its last words:\n${said}`}`;
}

/** The last lines of a log, for a person who asks why. */
export function lastLines(file: string, limit: number): string {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines
    .slice(-limit)
    .map((line) => `  ${line}`)
    .join("\n")
    .trimEnd();
}

/** All processes of one run. */
export class Children {
  readonly #all: Child[] = [];
  readonly #onSurprise: (error: UnexpectedEndError) => void;
  #legacy: string | undefined;
  #isClosed = false;

  constructor(onSurprise: (error: UnexpectedEndError) => void) {
    this.#onSurprise = onSurprise;
  }

  /** Processes started from here on remove `directory` if the demo dies and cannot do so itself. */
  bequeath(directory: string): void {
    this.#legacy = directory;
  }

  /** Starts a process. Throws once all were killed: what is still under way then must not start another. */
  start(spec: ChildSpec): Child {
    if (this.#isClosed) {
      throw new Error(`${spec.id} is not started: the run is over.`);
    }
    const child = new Child(spec, this.#onSurprise, this.#legacy);
    this.#all.push(child);
    return child;
  }

  /** Stops those that `isMeant` and still run. Resolves when they are gone. */
  async stop(isMeant: (child: Child) => boolean, graceMs: number): Promise<void> {
    await Promise.all(
      this.#all.filter((child) => child.isRunning && isMeant(child)).map((child) => child.stop(graceMs)),
    );
  }

  /** Stops all that run, until `resume`. */
  suspend(): void {
    for (const child of this.#all.filter(({ isRunning }) => isRunning)) {
      child.suspend();
    }
  }

  /** Ends `suspend`. */
  resume(): void {
    for (const child of this.#all.filter(({ isRunning }) => isRunning)) {
      child.resume();
    }
  }

  /** SIGKILL to all, and waits until they are gone. No other can be started. */
  async killAll(): Promise<void> {
    this.killAllNow();
    await Promise.all(this.#all.map((child) => child.ended));
  }

  /** SIGKILL to all, without waiting: all that can be done when the demo itself ends at once. */
  killAllNow(): void {
    this.#isClosed = true;
    for (const child of this.#all) {
      if (child.isRunning) {
        child.killNow();
      }
    }
  }
}
