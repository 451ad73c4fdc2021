/** The processes of one run: how each is started, and who they are. */
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Child, Children } from "../processes/child.ts";
import { type ClientConfig, type MasterConfig, toArgument, type WorkerConfig } from "../roles/messages.ts";
import { orAborted } from "./wait.ts";

/** Short, so that the group misses a killed process soon; long enough for a busy machine with two cores. */
export const SESSION_TIMEOUT_MS = 2_000;

/** The server's basic unit of time: it grants sessions of two ticks and more, and expires them one tick late at most. */
const TICK_MS = 250;

/** Tasks that a worker holds besides the one it works on: what is lost with it, and given to others. */
const BACKLOG = 3;

/** Where the run keeps its files, and what it works on. */
export interface StageSettings {
  /** Exists, and belongs to this run alone. */
  readonly directory: string;
  readonly input: string;
  readonly paceMs: number;
  readonly topWords: number;
}

/** The server's, masters', workers' and client's processes. Numbers go on: a process that is replaced gets a new name. */
export class Stage {
  readonly masters: Child[] = [];
  readonly workers: Child[] = [];
  readonly #children: Children;
  readonly #settings: StageSettings;
  readonly #signal: AbortSignal;
  #server: Child | undefined;
  #serverStarts = 0;
  #port: number | undefined;

  constructor(children: Children, settings: StageSettings, signal: AbortSignal) {
    this.#children = children;
    this.#settings = settings;
    this.#signal = signal;
  }

  /** Where the server listens. Only once it was started. */
  get connectString(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** How often the server was started: once, and once more after each kill. */
  get serverStarts(): number {
    return this.#serverStarts;
  }

  get server(): Child | undefined {
    return this.#server;
  }

  /** Starts the server, the next times on the same port and data, and waits until it listens. */
  async startServer(): Promise<void> {
    this.#port ??= await findPort();
    const { directory } = this.#settings;
    let onReady = () => {};
    const ready = new Promise<void>((resolve) => {
      onReady = resolve;
    });
    const options = ["--client-port", this.#port, "--data-dir", join(directory, "server"), "--tick", TICK_MS];
    this.#server = this.#children.start({
      id: "server",
      script: fileURLToPath(new URL("../bin/corral-server.js", import.meta.resolve("@corral/server"))),
      args: options.map(String),
      logFile: join(directory, "logs", "server.log"),
      onLine: (line) => {
        if (line.includes(" listening on ")) {
          onReady();
        }
      },
    });
    await orAborted(ready, this.#signal);
    this.#serverStarts += 1;
  }

  /** Starts the next master. */
  startMaster(): Child {
    const id = `master-${this.masters.length + 1}`;
    const config: MasterConfig = { id, connectString: this.connectString, sessionTimeoutMs: SESSION_TIMEOUT_MS };
    const master = this.#startRole("master", id, toArgument(config));
    this.masters.push(master);
    return master;
  }

  /** Starts the next worker. */
  startWorker(): Child {
    const id = `worker-${this.workers.length + 1}`;
    const { directory, input, paceMs } = this.#settings;
    const config: WorkerConfig = {
      id,
      connectString: this.connectString,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      input,
      journalFile: join(directory, "journals", `${id}.jsonl`),
      paceMs,
      backlog: BACKLOG,
    };
    const worker = this.#startRole("worker", id, toArgument(config));
    this.workers.push(worker);
    return worker;
  }

  /** Starts the client, which submits the job in `jobFile` and says on its standard output what comes of it. */
  startClient(jobFile: string, onLine: (line: string) => void): Child {
    const config: ClientConfig = {
      connectString: this.connectString,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      jobFile,
      topWords: this.#settings.topWords,
    };
    return this.#startRole("client", "client", toArgument(config), onLine);
  }

  /** Stops masters, workers and client, in order where they heed it within `graceMs`. The server goes on. */
  async stopGroup(graceMs: number): Promise<void> {
    await this.#children.stop((child) => child !== this.#server, graceMs);
  }

  #startRole(
    role: "master" | "worker" | "client",
    id: string,
    argument: string,
    onLine?: (line: string) => void,
  ): Child {
    return this.#children.start({
      id,
      script: fileURLToPath(new URL(`../roles/${role}.js`, import.meta.url)),
      args: [argument],
      logFile: join(this.#settings.directory, "logs", `${id}.log`),
      endsByItself: role === "client",
      ...(onLine === undefined ? {} : { onLine }),
    });
  }
}

/**
 * A free port below those that systems hand out by themselves. The server comes back on the same port after it was
 * killed, and until then nothing else may take it: not even the clients that go on dialling it, of which one would
 * otherwise, once in a while, be given that very port for its own end and be connected to itself.
 */
async function findPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) {
      return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
