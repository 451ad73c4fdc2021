/** The servers that are measured, each a process of its own with a directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A server that runs and answers. */
export interface Running {
  /** For people. */
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Stops it in order, or by force after ten seconds. */
  stop(): Promise<void>;
}

/** How a process of Node is started, beyond its arguments. */
export interface NodeStart {
  /** Before the program: flags of Node's own. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that did not start. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Ours, durable, in `directory`; `more`: what else it is told. `adminUrl` only where it was told to have one. */
export async function startCorral(
  directory: string,
  more: readonly string[] = [],
  start: NodeStart = {},
): Promise<Running & { readonly adminUrl: string | undefined }> {
  const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));
  const args = [command, "--client-port", "0", "--data-dir", join(directory, "corral"), ...more];
  const { output, ...server } = await startNode("Corral", args, /listening on \S*?:(\d+)/, start);
  return { ...server, adminUrl: /^Corral admin server: (\S+)/m.exec(output)?.[1] };
}

/** What the server that answers without doing anything is called. */
export const ceilingName = "ceiling";

/** The server that answers without doing anything. */
export async function startCeiling(): Promise<Running> {
  const script = fileURLToPath(new URL("./ceiling-process.js", import.meta.url));
  return await startNode(ceilingName, [script], /^ready (\d+)/m);
}

async function startNode(
  name: string,
  args: readonly string[],
  ready: RegExp,
  { flags = [], env = {} }: NodeStart = {},
): Promise<Running & { readonly output: string }> {
  const child = spawn(process.execPath, [...flags, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, ...env },
  });
  const { output } = watch(child);
  const port = await until(name, child, output, () => Promise.resolve(ready.exec(output())?.[1]));
  return { ...running(name, child, Number(port)), output: output() };
}

const jars = "/usr/share/java";

/** What is known of an installed Apache ZooKeeper. */
export interface ApacheInstallation {
  readonly version: string;
  readonly jar: string;
}

/** Debian's Apache ZooKeeper, if its package is installed. */
export function findApache(): ApacheInstallation | undefined {
  const jar = join(jars, "zookeeper.jar");
  if (!existsSync(jar)) return undefined;
  const version = /^zookeeper-([\d.]+)\.jar$/.exec(basename(realpathSync(jar)))?.[1];
  const found = version ?? readdirSync(jars).flatMap((name) => /^zookeeper-([\d.]+)\.jar$/.exec(name)?.[1] ?? [])[0];
  return { jar, version: found ?? "of unknown version" };
}

/** Apache ZooKeeper as it comes, but for the limit of connections an address: standalone, durable, in `directory`. */
export async function startApache({ jar, version }: ApacheInstallation, directory: string): Promise<Running> {
  const home = join(directory, "zookeeper");
  mkdirSync(join(home, "data"), { recursive: true });
  const port = await freePort();
  const config = join(home, "zoo.cfg");
  const settings = {
    tickTime: 2000,
    dataDir: join(home, "data"),
    clientPort: port,
    clientPortAddress: "127.0.0.1",
    maxClientCnxns: 0,
    "admin.enableServer": false,
  };
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(""),
  );
  // The jar's manifest names the jars that it needs.
  const args = ["-cp", jar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", config];
  const child = spawn("java", args, { cwd: home, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const { output } = watch(child);
  const name = `Apache ZooKeeper ${version}`;
  await until(name, child, output, () => serves(port));
  return running(name, child, port);
}

/** Whether the server on `port` says that it serves. */
function serves(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write("srvr"));
    // A server that is only just starting may take a connection and leave it at that; the next probe finds it further on.
    socket.setTimeout(5_000, () => socket.destroy());
    socket.setEncoding("utf8").on("data", (text) => {
      answer += text;
    });
    // A server that is about to start may take a connection, and forget it.
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on("error", () => resolve(undefined));
    socket.on("close", () => resolve(answer.includes("Mode:") ? answer : undefined));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Keeps the last of what a process prints. */
function watch(child: ChildProcess): { output(): string } {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-10_000);
    });
  }
  return { output: () => output };
}

/** Asks `probe` again and again until it answers, the process ends, or half a minute is over. */
async function until(
  name: string,
  child: ChildProcess,
  output: () => string,
  probe: () => Promise<string | undefined>,
): Promise<string> {
  const deadlineMs = performance.now() + 30_000;
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  while (failure === undefined && child.exitCode === null && performance.now() < deadlineMs) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  const what = failure?.message ?? (child.exitCode === null ? "no answer for 30 s" : `exit code ${child.exitCode}`);
  throw new StartError(`${name} did not start: ${what}\n${output()}`);
}

function running(name: string, child: ChildProcess, port: number): Running {
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    name,
    port,
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const patience = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(patience);
    },
  };
}
