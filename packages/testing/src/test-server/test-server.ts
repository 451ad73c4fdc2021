/** A coordination server of a test's own, in the test's process: started in milliseconds, stopped, killed, restarted. */
import { parseConnectString } from "@corral/client";
import { nodeClock, nodeDialer, nodeDisk, nodeListener, silentLogger } from "@corral/io";
import { type Server, type ServerOptions, startServer } from "@corral/server";
import { TemporaryDirectory } from "../node/temporary-directory.ts";
import { endSession } from "../session-ending.ts";
import { MortalPorts } from "./mortal-ports.ts";

/** Of `TestServer.start`: everything that `startServer` takes, with defaults for tests. */
export interface TestServerOptions extends ServerOptions {
  /**
   * Whether it keeps what it acknowledged over `restart`. Its files are in a temporary directory that `close` removes,
   * or in `dataDir`, which stays. Default: only with `dataDir` or `disk`.
   */
  readonly durable?: boolean;
  /** Sessions expire with this precision, ms. Default 50, so that a timeout of 100 ms can be had. */
  readonly tickMs?: number;
  /** Longest session timeout granted, ms. Default 60 000: clients get what they ask for. */
  readonly maxSessionTimeoutMs?: number;
}

/** Of `restart`. */
export interface RestartOptions {
  /** Comes back with nothing, as if its disk had been replaced: no node, no session, zxids from the beginning. */
  readonly wiped?: boolean;
}

/** How long the port may be in use by somebody else before a restart gives up, ms. */
const portPatienceMs = 5_000;
const portRetryMs = 50;

/** How long ending a session may take, ms. */
const expiryPatienceMs = 10_000;

interface Running {
  readonly server: Server;
  readonly ports: MortalPorts;
}

/**
 * See the head of this file.
 *
 * ```ts
 * await using server = await TestServer.start({ durable: true });
 * await using client = await connect(server.connectString, { sessionTimeoutMs: 1_000 });
 * await client.create("/a");
 * await server.kill();
 * await server.restart();
 * await client.exists("/a"); // still there, and so is the session
 * ```
 */
export class TestServer {
  readonly #options: TestServerOptions;
  readonly #directory: TemporaryDirectory | undefined;
  readonly #passwords = new Map<bigint, Uint8Array>();
  #connectString = "";
  #port = 0;
  #running: Running | undefined;
  /** What was asked for last: starts and stops happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(options: TestServerOptions, directory: TemporaryDirectory | undefined) {
    this.#options = options;
    this.#directory = directory;
  }

  /**
   * Starts a server, in memory unless told otherwise, and resolves when it serves.
   * @throws what `startServer` throws.
   */
  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const needsDirectory = options.durable === true && options.dataDir === undefined && options.disk === undefined;
    const server = new TestServer(options, needsDirectory ? await TemporaryDirectory.make() : undefined);
    try {
      await server.#exclusively(() => server.#start());
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Where clients find it, `host:port`: the same over restarts. */
  get connectString(): string {
    return this.#connectString;
  }

  /** Port for clients: the same over restarts. */
  get port(): number {
    return this.#port;
  }

  /** Whether it serves. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Sessions that exist; 0 while it is not running. */
  get sessionCount(): number {
    return this.#running?.server.sessionCount ?? 0;
  }

  /** Stops it in order: what was asked is answered, connections end, files are closed. Fine if it is not running. */
  stop(): Promise<void> {
    return this.#exclusively(() => this.#stop());
  }

  /**
   * Stops it as SIGKILL stops a process: connections are gone, what was asked is not answered, nothing more is written;
   * what it had already asked of the operating system is there. Fine if it is not running.
   */
  kill(): Promise<void> {
    return this.#exclusively(async () => {
      const running = this.#running;
      this.#running = undefined;
      if (running === undefined) return;
      await running.ports.kill();
      // What is left of it clears itself away. That its log cannot be closed in order any more is what was asked for.
      await running.server.close().catch(() => undefined);
    });
  }

  /**
   * Starts it again, at the same address and with the same data; stops it first, in order, if it is running.
   * @throws Error for a server in memory, unless `wiped` says that it may forget everything; Error after `close`.
   */
  restart({ wiped = false }: RestartOptions = {}): Promise<void> {
    return this.#exclusively(async () => {
      if (!wiped && !this.#isDurable) {
        throw new Error(
          "This server is in memory and would come back empty. Start it with { durable: true }, or say restart({ wiped: true }).",
        );
      }
      await this.#stop();
      if (wiped) await this.#wipe();
      await this.#start();
    });
  }

  /**
   * Ends a session now, as if it had expired. Resolves when that is done. Fine if it is over already.
   * @throws Error for a session that no client of this server was ever given, or when the server is not running.
   */
  async expireSession(sessionId: bigint): Promise<void> {
    const password = this.#passwords.get(sessionId);
    if (password === undefined) throw new Error(`No client of this server was ever given session ${sessionId}.`);
    if (!this.isRunning) throw new Error("The server is not running, and so cannot end a session.");
    await endSession({
      hosts: parseConnectString(this.#connectString).hosts,
      sessionId,
      password,
      timeoutMs: expiryPatienceMs,
      dialer: nodeDialer,
      clock: nodeClock,
    });
  }

  /** Stops it, and removes its temporary directory. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#exclusively(async () => {
      try {
        await this.#stop();
      } finally {
        await this.#directory?.remove();
      }
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #isDurable(): boolean {
    const { durable, dataDir, disk } = this.#options;
    return durable ?? (dataDir !== undefined || disk !== undefined);
  }

  /** Undefined: in memory. */
  get #dataDir(): string | undefined {
    if (!this.#isDurable) return undefined;
    return this.#directory?.path ?? this.#options.dataDir ?? "/data";
  }

  #exclusively<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#last.then(operation);
    // The next one waits for it and does not care how it went.
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #start(): Promise<void> {
    if (this.#closing !== undefined) throw new Error("The server was closed.");
    const giveUpMs = nodeClock.elapsedMs() + portPatienceMs;
    while (!(await this.#tryToStart())) {
      if (nodeClock.elapsedMs() > giveUpMs) {
        throw new Error(`Port ${this.#port} was taken by somebody else while the server was down.`);
      }
      await new Promise<void>((resolve) => nodeClock.setTimer(portRetryMs, resolve));
    }
  }

  /** False: it ran before, and somebody else has its port now. A passing connection may; it is worth trying again. */
  async #tryToStart(): Promise<boolean> {
    const { durable: _, clock, disk, listener, logger, tickMs, maxSessionTimeoutMs, ...options } = this.#options;
    const ports = new MortalPorts({
      clock: clock ?? nodeClock,
      disk: disk ?? nodeDisk,
      listener: listener ?? nodeListener,
      logger: logger ?? silentLogger,
      onSession: ({ sessionId, password }) => this.#passwords.set(sessionId, password),
    });
    try {
      const server = await startServer({
        ...options,
        clock: ports.clock,
        disk: ports.disk,
        listener: ports.listener,
        logger: ports.logger,
        tickMs: tickMs ?? 50,
        maxSessionTimeoutMs: maxSessionTimeoutMs ?? 60_000,
        dataDir: this.#dataDir,
        ...(this.#port > 0 && { clientPort: this.#port }),
      });
      this.#running = { server, ports };
      this.#port = server.clientPort;
      this.#connectString = server.connectString;
      return true;
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (isTaken && this.#port > 0) return false;
      throw error;
    }
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.server.close();
  }

  async #wipe(): Promise<void> {
    if (!this.#isDurable) return;
    if (this.#directory === undefined) throw new Error("Only a directory of the server's own is wiped, not `dataDir`.");
    await this.#directory.empty();
  }
}
