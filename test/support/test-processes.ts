/**
 * Real processes for tests under faults: scripts of `test/processes`, which run the built packages, each with a journal
 * that survives its death. What happened is judged by the journals and by the tree, never by what a process says last.
 *
 * ```ts
 * await using processes = await TestProcesses.make();
 * const holder = processes.start("hold-ephemeral", "p1", { connectString, path: "/e" });
 * await holder.entry(({ event }) => event === "created");
 * await holder.freeze(); // past its session's timeout, say
 * holder.thaw();
 * ```
 */
import { existsSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NodeChild } from "./node-child.ts";

/** What every line of a journal holds; what else, is between the script and its test. */
export interface JournalEntry {
  /** Of the process, as it was given to `start`. */
  readonly id: string;
  readonly pid: number;
  /** On the monotonic clock of the machine, the same for all processes, µs. */
  readonly atUs: number;
  readonly event: string;
  readonly [field: string]: unknown;
}

const built = fileURLToPath(new URL("../../packages/client/dist/index.js", import.meta.url));
const patienceMs = 120_000;

/** One process and its journal. */
export class TestProcess extends NodeChild {
  readonly id: string;
  readonly #journal: string;
  readonly #entries: JournalEntry[] = [];
  #readBytes = 0;
  /** One at a time, whoever asks. */
  #reading: Promise<void> = Promise.resolve();
  #unfinished = "";

  /** Use `TestProcesses.start`. */
  constructor(script: string, id: string, journal: string, config: object) {
    super(script, { args: [JSON.stringify({ ...config, id, journal })] });
    this.id = id;
    this.#journal = journal;
    // What it prints is nobody's business, and must not stop it when the pipe is full.
    this.process.stdout?.resume();
  }

  /** Everything in its journal until now, also after its death. */
  async entries(): Promise<readonly JournalEntry[]> {
    this.#reading = this.#reading.then(() => this.#read());
    await this.#reading;
    return this.#entries;
  }

  /**
   * The first entry that is `wanted`, from the beginning or from the place `after`; waits for it if there is none yet.
   * Rejects when the process ends without, or after two minutes.
   */
  async entry(wanted: (entry: JournalEntry) => boolean, after = 0): Promise<JournalEntry> {
    for (const giveUpMs = performance.now() + patienceMs; ; await delay(5)) {
      // In this order: what a process wrote before its end is there when its end is known.
      const wasRunning = this.isRunning;
      const found = (await this.entries()).slice(after).find(wanted);
      if (found !== undefined) return found;
      if (!wasRunning)
        throw new Error(`${this.id} has ended without the entry that was waited for. ${this.#account()}`);
      if (performance.now() > giveUpMs)
        throw new Error(`${this.id} did not write the entry in time. ${this.#account()}`);
    }
  }

  /**
   * Resolves when its journal says, as `state`, that its session is lost: at the place `after`, or later. Of one that had
   * lost it by then, and cannot connect, nothing else would come.
   */
  async whenLost(after: number): Promise<void> {
    const isState = ({ event }: JournalEntry) => event === "state";
    const isLost = (entry: JournalEntry | undefined) => entry?.event === "state" && entry.state === "lost";
    const before = (await this.entries()).slice(0, after).findLast(isState);
    if (!isLost(before)) await this.entry(isLost, after);
  }

  /** Its session, of scripts that journal `sessionId` with their states; undefined when it was lost and none has followed yet. */
  async session(): Promise<bigint | undefined> {
    const last = (await this.entries()).findLast(({ sessionId }) => sessionId !== undefined && sessionId !== "0");
    return last === undefined || last.state === "lost" ? undefined : BigInt(String(last.sessionId));
  }

  #account(): string {
    const last = this.#entries.slice(-5).map((entry) => JSON.stringify(entry));
    return `Its last entries:\n${last.join("\n")}\nIts last words:\n${this.stderr}`;
  }

  /** A file tells nobody when it grows: what is new is read when somebody asks. */
  async #read(): Promise<void> {
    if (!existsSync(this.#journal)) return;
    const file = await open(this.#journal);
    try {
      const buffer = Buffer.alloc(64 << 10);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#readBytes);
        if (bytesRead === 0) return;
        this.#readBytes += bytesRead;
        this.#take(buffer.toString("latin1", 0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }

  /** The last line may be half written, now or for ever. */
  #take(text: string): void {
    const lines = (this.#unfinished + text).split("\n");
    this.#unfinished = lines.pop() ?? "";
    for (const line of lines) {
      this.#entries.push(JSON.parse(Buffer.from(line, "latin1").toString()) as JournalEntry);
    }
  }
}

/** The processes of one test, and the directory of their journals. */
export class TestProcesses implements AsyncDisposable {
  readonly #directory: string;
  readonly #processes: TestProcess[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(): Promise<TestProcesses> {
    if (!existsSync(built))
      throw new Error("The packages are not built: run `npm run build` (or `npm test`, which does).");
    return new TestProcesses(await mkdtemp(join(tmpdir(), "corral-processes-")));
  }

  /** Those that were started, dead ones included. */
  get all(): readonly TestProcess[] {
    return this.#processes;
  }

  /** Starts `test/processes/<script>.mjs`, which gets `config` and the two names of its journal. */
  start(script: string, id: string, config: object): TestProcess {
    const path = fileURLToPath(new URL(`../processes/${script}.mjs`, import.meta.url));
    const journal = join(this.#directory, `${this.#processes.length}.jsonl`);
    const process = new TestProcess(path, id, journal, config);
    this.#processes.push(process);
    return process;
  }

  /** All journals as one, in the order of time. */
  async history(): Promise<readonly JournalEntry[]> {
    const journals = await Promise.all(this.#processes.map((process) => process.entries()));
    return journals.flat().sort((a, b) => a.atUs - b.atUs);
  }

  /** Kills those that run, stopped ones too, and removes the journals. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.filter(({ isRunning }) => isRunning).map((process) => process.kill()));
    await rm(this.#directory, { recursive: true, force: true });
  }
}
