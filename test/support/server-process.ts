/** The built `corral-server` command as a process of its own, to be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));
const built = fileURLToPath(new URL("../../packages/server/dist/command/main.js", import.meta.url));

export class ServerProcess {
  readonly process: ChildProcess;
  /** Everything it has said on standard error. */
  stderr = "";
  readonly stdout: string[] = [];
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  port = 0;

  private constructor(args: readonly string[], options: { readonly uid?: number } = {}) {
    if (!existsSync(built))
      throw new Error("packages/server is not built: run `npm run build` (or `npm test`, which does)");
    this.process = spawn(process.execPath, [command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
    });
    this.process.stderr?.on("data", (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-100_000);
    });
    this.exited = once(this.process, "exit").then(([code, signal]) => ({ code, signal }));
  }

  /** Starts it where it is expected to fail; resolves with its exit code and what it said. */
  static async fails(
    args: readonly string[],
    options: { readonly uid?: number } = {},
  ): Promise<{ code: number | null; stderr: string }> {
    const server = new ServerProcess(args, options);
    const { code } = await server.exited;
    return { code, stderr: server.stderr };
  }

  /** Starts it and resolves when it says that it is ready. */
  static async start(args: readonly string[]): Promise<ServerProcess> {
    const server = new ServerProcess(args);
    const { stdout } = server.process;
    if (stdout === null) throw new Error("standard output is piped");
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: stdout }).on("line", (line) => {
        server.stdout.push(line);
        const port = /^Corral server ready: listening on .*:(\d+) /.exec(line)?.[1];
        if (port === undefined) return;
        server.port = Number(port);
        resolve();
      });
    });
    const died = server.exited.then(({ code }) => {
      throw new Error(`the server ended with code ${code}: ${server.stderr}`);
    });
    died.catch(() => undefined);
    await Promise.race([ready, died]);
    return server;
  }

  /** Ends it as a power cut would end a process: at once. */
  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.exited;
  }

  /** Asks it to stop. Resolves with how it ended. */
  async stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.process.kill("SIGTERM");
    return this.exited;
  }
}
