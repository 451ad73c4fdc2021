/** The processes that contend, each with one library: how they are started, and what is said to them. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DriverError } from "../drivers.ts";
import type { Recipe } from "./figures.ts";
import type { Holding } from "./holdings.ts";

type Library = Recipe["library"];

/** How each library's contenders are started; a library that is not installed has no line. */
export type Commands = ReadonlyMap<Library, readonly string[]>;

const ours = fileURLToPath(new URL("./contender-process.js", import.meta.url));
/** What is not TypeScript is not copied to where this runs from. */
const sources = fileURLToPath(new URL("../../src/recipes/", import.meta.url));
const python = "/usr/bin/python3";
const jars = [
  "curator-recipes",
  "curator-framework",
  "curator-client",
  "zookeeper",
  "guava",
  "slf4j-api",
  "slf4j-nop",
].map((name) => `/usr/share/java/${name}.jar`);

/** Finds the libraries and compiles what is to be compiled, into `directory`. `missing` hears of those that are not there. */
export async function findLibraries(directory: string, missing: (what: string) => void): Promise<Commands> {
  const commands = new Map<Library, readonly string[]>([["Corral", [process.execPath, ours]]]);
  if (existsSync(jars[0]!) && spawnSync("javac", ["-version"]).status === 0) {
    const source = join(sources, "CuratorContenders.java");
    const classPath = jars.join(":");
    try {
      await promisify(execFile)("javac", ["-proc:none", "-cp", classPath, "-d", directory, source]);
    } catch (cause) {
      throw new DriverError(`${source} does not compile: ${cause instanceof Error ? cause.message : cause}`);
    }
    commands.set("Curator", ["java", "-cp", `${classPath}:${directory}`, "CuratorContenders"]);
  } else missing("Curator (Debian: apt install libcurator-recipes-java default-jdk-headless)");
  if (spawnSync(python, ["-c", "import kazoo"]).status === 0) {
    commands.set("kazoo", [python, join(sources, "kazoo_contenders.py")]);
  } else missing("kazoo (Debian: apt install python3-kazoo)");
  return commands;
}

/** What a process is to contend with. */
export interface ContenderSpec {
  readonly command: readonly string[];
  readonly recipe: Recipe;
  readonly port: number;
  readonly contenders: number;
  readonly sessionTimeoutMs: number;
  /** Ends the process. */
  readonly signal: AbortSignal;
}

/** How long a process may take over what it was told, beyond the time that it was given for it. */
const patienceMs = 120_000;

/** One process of contenders; see contender-process.ts for what is said. */
export class Contenders {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #complaint = "";
  #onLine: (line: string) => void = () => {};
  #onEnd: (error: Error) => void = () => {};
  #failure: Error | undefined;

  private constructor({ command, recipe, port, contenders, sessionTimeoutMs, signal }: ContenderSpec) {
    const [file = "", ...args] = command;
    const own = [`127.0.0.1:${port}`, recipe.recipe, String(contenders), String(sessionTimeoutMs)];
    const child = spawn(file, [...args, ...own], { stdio: ["pipe", "pipe", "pipe"], signal, killSignal: "SIGKILL" });
    this.#name = `${recipe.library}'s ${recipe.recipe}`;
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (line) => this.#onLine(line));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-5_000);
    });
    // A process that has ended reads no commands; that it has ended is said below.
    child.stdin.on("error", () => undefined);
    const fail = (error: Error): void => {
      this.#failure ??= error;
      this.#onEnd(this.#failure);
    };
    child.once("error", (error) => fail(signal.aborted ? error : new DriverError(error.message)));
    this.#ended = new Promise((resolve) => {
      child.once("close", (code, by) => {
        fail(new DriverError(`${this.#name} ended with ${code ?? by}. ${this.#complaint}`.trim()));
        resolve();
      });
    });
  }

  /** Resolves when every contender has a session. */
  static async start(spec: ContenderSpec): Promise<Contenders> {
    const started = new Contenders(spec);
    await started.#lines((line) => line === "ready", patienceMs);
    return started;
  }

  /** Lets them hold in turn for so long. */
  async run(path: string, runMs: number, holdMs: number, end: "release" | "close"): Promise<Holding[]> {
    const holdings: Holding[] = [];
    this.#child.stdin?.write(`run ${path} ${Math.round(runMs)} ${holdMs} ${end}\n`);
    await this.#lines((line) => {
      const [word, who, from, until] = line.split(" ");
      if (word === "held") {
        const contender = `${who} of ${this.#child.pid}`;
        holdings.push({ contender, fromMs: toMs(from), untilMs: toMs(until) });
      }
      return line === "done";
    }, runMs + patienceMs);
    return holdings;
  }

  /** Lets the first of them stand for election. Resolves when it leads: to when, on this machine's monotonic clock, ms. */
  async stand(path: string): Promise<number> {
    let leadsMs = 0;
    this.#child.stdin?.write(`stand ${path}\n`);
    await this.#lines((line) => {
      const [word, at] = line.split(" ");
      if (word === "leads") leadsMs = toMs(at);
      return word === "leads";
    });
    return leadsMs;
  }

  /** Kills it without notice. Resolves to when, on the same clock, ms. */
  async kill(): Promise<number> {
    const atMs = toMs(String(process.hrtime.bigint()));
    this.#child.kill("SIGKILL");
    await this.#ended;
    return atMs;
  }

  /** Ends it in order, or by force after ten seconds. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    const patience = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#ended;
    clearTimeout(patience);
  }

  /** Takes lines until `isLast`. */
  async #lines(isLast: (line: string) => boolean, withinMs?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#failure !== undefined) return reject(this.#failure);
        this.#onLine = (line) => {
          if (isLast(line)) resolve();
        };
        this.#onEnd = reject;
        if (withinMs === undefined) return;
        const late = (): void => reject(new DriverError(`${this.#name} is not done after ${withinMs} ms`));
        timer = setTimeout(late, withinMs);
      });
    } finally {
      clearTimeout(timer);
      this.#onLine = () => {};
      this.#onEnd = () => {};
    }
  }
}

function toMs(ns: string | undefined): number {
  return Number(BigInt(ns ?? 0) / 1000n) / 1000;
}
