/** Finds processes by a mark in the environment that they inherit: whatever they started, and whoever their parent is by now. */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A process that was found. */
export interface FoundProcess {
  readonly pid: number;
  readonly commandLine: string;
}

/** Processes that were started with a mark, and what they started. Only where there is a `/proc`. */
export class MarkedProcesses {
  /** What to add to the environment of a process so that it is found. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #mark: string;

  constructor() {
    const id = randomUUID();
    this.environment = { CORRAL_TEST_MARK: id };
    this.#mark = `CORRAL_TEST_MARK=${id}`;
  }

  /** Those that are alive now. */
  alive(): FoundProcess[] {
    if (!existsSync("/proc")) return [];
    const found: FoundProcess[] = [];
    for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        if (readFileSync(`/proc/${entry}/environ`, "utf8").includes(this.#mark)) {
          const commandLine = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ");
          found.push({ pid: Number(entry), commandLine });
        }
      } catch (error) {
        // It went away while we looked, or belongs to somebody else; then it is none of ours.
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "ENOENT" && code !== "ESRCH" && code !== "EACCES") throw error;
      }
    }
    // A zombie has an empty command line: it is gone, only nobody has asked yet how it ended.
    return found.filter(({ commandLine }) => commandLine !== "");
  }

  /** Whether a process is stopped, as by Ctrl-Z. */
  static isStopped(pid: number): boolean {
    return /\) T /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  }

  /** Resolves when none is alive. */
  async gone(): Promise<void> {
    while (this.alive().length > 0) await delay(50);
  }

  /** SIGKILL to those that are alive. Resolves when they are gone. */
  async end(): Promise<void> {
    for (const { pid } of this.alive()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
    await this.gone();
  }
}
