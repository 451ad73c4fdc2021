/** Runs the built demo as a person would, in a world of its own in which anything left behind can be found. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type FoundProcess, MarkedProcesses } from "./marked-processes.ts";

const main = fileURLToPath(new URL("../../packages/demo/dist/main.js", import.meta.url));

/** What the demo has said and how it ended. */
export interface DemoResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of the demo, with a temporary directory that nobody else uses. */
export class DemoProcess {
  /** The `TMPDIR` of the run. */
  readonly temporaryDirectory = mkdtempSync(join(tmpdir(), "corral-demo-test-"));
  readonly result: Promise<DemoResult>;
  readonly #processes = new MarkedProcesses();
  readonly #process: ChildProcess;
  #stdout = "";
  #stderr = "";
  #onOutput: () => void = () => {};

  constructor(args: readonly string[]) {
    if (!existsSync(main)) throw new Error(`${main} is missing: run \`npm run build\` first.`);
    this.#process = spawn(process.execPath, [main, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.#processes.environment, TMPDIR: this.temporaryDirectory, NO_COLOR: "1" },
    });
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#onOutput();
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.result = new Promise((resolve, reject) => {
      this.#process.once("error", reject);
      this.#process.once("close", (exitCode, signal) => {
        resolve({ exitCode, signal, stdout: this.#stdout, stderr: this.#stderr });
        this.#onOutput();
      });
    });
  }

  /** Sends a signal to the demo itself. */
  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Sends a signal to the one process of the run whose command line matches. */
  signal(commandLine: RegExp, signal: NodeJS.Signals): void {
    const [found, ...others] = this.alive().filter((candidate) => commandLine.test(candidate.commandLine));
    if (found === undefined || others.length > 0) throw new Error(`Not exactly one process matches ${commandLine}.`);
    process.kill(found.pid, signal);
  }

  /** Resolves when the output matches; rejects when the demo ends before that. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#stdout)) {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
        throw new Error(`The demo ended without saying ${pattern}:\n${this.#stdout}\n${this.#stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#onOutput = resolve;
      });
    }
  }

  /** Processes of this run that are alive now, the demo itself among them. */
  alive(): FoundProcess[] {
    return this.#processes.alive();
  }

  /** What the demo has said so far. */
  get said(): string {
    return this.#stdout;
  }

  /** Resolves when all processes of this run are stopped, as by Ctrl-Z. */
  async allStopped(): Promise<void> {
    while (!this.alive().every(({ pid }) => MarkedProcesses.isStopped(pid))) await delay(20);
  }

  /** Resolves when no process of this run is alive. */
  async allGone(): Promise<void> {
    await this.#processes.gone();
  }

  /** What is in the run's temporary directory. */
  leftBehind(): string[] {
    return readdirSync(this.temporaryDirectory);
  }

  /** Ends what still runs and removes the temporary directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#processes.end();
    rmSync(this.temporaryDirectory, { recursive: true, force: true });
  }
}
