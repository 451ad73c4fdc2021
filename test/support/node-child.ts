/** A script that Node runs in a process of its own, to be stopped, let go on, and killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What to run, and as whom. */
export interface NodeChildOptions {
  readonly args: readonly string[];
  /** User and group to run as; only root can change them. */
  readonly uid?: number | undefined;
  /** Environment variables besides those of the tests. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** Children that run: none outlives the process of the tests, however that ends by itself. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** See the head of this file. */
export class NodeChild {
  readonly process: ChildProcess;
  /** The last it has said on standard error. */
  stderr = "";
  /** Resolves when it is gone. */
  readonly exited: Promise<Ending>;

  /** Its standard input stays open until the process of the tests is gone: a child that is still alive then can end itself. */
  constructor(script: string, { args, uid, variables }: NodeChildOptions) {
    this.process = spawn(process.execPath, [script, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      ...(uid !== undefined && { uid, gid: uid }),
      ...(variables !== undefined && { env: { ...process.env, ...variables } }),
    });
    running.add(this.process);
    this.process.stderr?.on("data", (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-100_000);
    });
    // The pipe breaks when the child dies; its end is told by "close".
    this.process.stdin?.on("error", () => undefined);
    // Not "exit": by "close" all that it has said is here.
    this.exited = once(this.process, "close").then(([code, signal]) => {
      running.delete(this.process);
      return { code, signal };
    });
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get isRunning(): boolean {
    return running.has(this.process);
  }

  /** Ends it as a power cut would end a process: at once, stopped or not. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.exited;
  }

  /** Asks it to stop (SIGTERM). Resolves with how it ended. */
  async stop(): Promise<Ending> {
    this.process.kill("SIGTERM");
    return this.exited;
  }

  /** Stops it in its tracks (SIGSTOP), as a long pause does: it keeps its connections and answers nothing. Resolves when it stands. */
  async freeze(): Promise<void> {
    this.process.kill("SIGSTOP");
    // The signal is under way for a moment, and there is nothing to wait on but the kernel's word.
    while (this.isRunning && !this.#stands()) await delay(1);
  }

  /** Lets it go on (SIGCONT). It does not know that time has passed. */
  thaw(): void {
    this.process.kill("SIGCONT");
  }

  /** Where there is no /proc the signal is trusted to be quick. */
  #stands(): boolean {
    const path = `/proc/${this.pid}/stat`;
    return !existsSync(path) || /\) T /.test(readFileSync(path, "utf8"));
  }
}
