/** The built `corral-server` command as a process of its own, to be killed. */
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Ending, NodeChild } from "./node-child.ts";

const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));
const built = fileURLToPath(new URL("../../packages/server/dist/command/main.js", import.meta.url));

export class ServerProcess extends NodeChild {
  readonly stdout: string[] = [];
  port = 0;

  private constructor(
    args: readonly string[],
    options: { readonly uid?: number; readonly variables?: Readonly<Record<string, string>> } = {},
  ) {
    if (!existsSync(built))
      throw new Error("packages/server is not built: run `npm run build` (or `npm test`, which does)");
    super(command, { args, ...options });
  }

  /** Starts it where it is expected to fail; resolves with its exit code and what it said. */
  static async fails(
    args: readonly string[],
    options: { readonly uid?: number; readonly variables?: Readonly<Record<string, string>> } = {},
  ): Promise<{ code: Ending["code"]; stderr: string }> {
    const server = new ServerProcess(args, options);
    const { code } = await server.exited;
    return { code, stderr: server.stderr };
  }

  /** Starts it and resolves when it says that it is ready. */
  static async start(
    args: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<ServerProcess> {
    const server = new ServerProcess(args, { variables });
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
}
