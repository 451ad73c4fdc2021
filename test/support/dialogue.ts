/** A foreign program that is told one line after another, and waited for until it has said what it should. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** See the head of this file. */
export class Dialogue {
  readonly #process: ChildProcess;
  #said = "";
  /** Up to where it was listened to. */
  #heard = 0;
  #ended = false;
  #wake: () => void = () => undefined;

  /** What it writes to standard error counts as said. */
  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#process = spawn(command, args, { stdio: "pipe", env: { ...process.env, ...env } });
    const hear = (chunk: Buffer): void => {
      this.#said += chunk.toString();
      this.#wake();
    };
    this.#process.stdout?.on("data", hear);
    this.#process.stderr?.on("data", hear);
    this.#process.stdin?.on("error", () => undefined);
    this.#process.once("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Types a line. */
  say(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Waits until it has said this, after what was waited for before. Returns the match. */
  async until(expected: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = expected.exec(this.#said.slice(this.#heard));
      if (match !== null) {
        this.#heard += match.index + match[0].length;
        return match;
      }
      if (this.#ended) throw new Error(`ended without saying ${expected}, but:\n${this.#said.slice(-5_000)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Types a line and waits for what is said to it. */
  ask(line: string, expected: RegExp): Promise<RegExpExecArray> {
    this.say(line);
    return this.until(expected);
  }

  /** Its exit code, once it has ended by itself. */
  async exitCode(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, "exit");
    return this.#process.exitCode;
  }

  /** Ends it, if it has not ended. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }
}
