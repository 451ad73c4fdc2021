/** One standalone Apache ZooKeeper from Debian's package, on a free port of this machine, with its data in a temporary directory. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { zookeeperJars } from "./peers.ts";

export interface ApacheZooKeeper {
  readonly connectString: string;
  readonly port: number;
  readonly pid: number;
  /** Where its admin server is, if it was asked for. */
  readonly adminUrl: string | undefined;
  close(): Promise<void>;
}

/** How to start it. */
export interface ApacheOptions {
  readonly tickMs?: number;
  /** Whether there is an admin server; it is up before the port for clients is. Default false. */
  readonly admin?: boolean;
  /** More lines of its configuration. */
  readonly config?: readonly string[];
  /** Whether nodes may have a time to live. Default true; its own default is false. */
  readonly extendedTypes?: boolean;
  /** Java's system properties by name, for what its configuration cannot say. */
  readonly properties?: Readonly<Record<string, string>>;
  /** The text of a JAAS configuration, for SASL. */
  readonly jaas?: string;
}

/** Resolves when the server answers `ruok`. */
export async function startApacheZooKeeper(options: ApacheOptions = {}): Promise<ApacheZooKeeper> {
  const directory = await mkdtemp(join(tmpdir(), "corral-apache-"));
  const port = await freePort();
  const adminPort = options.admin ? await freePort() : undefined;
  const config = [
    `dataDir=${directory}`,
    `clientPort=${port}`,
    "clientPortAddress=127.0.0.1",
    `tickTime=${options.tickMs ?? 500}`,
    ...(adminPort === undefined
      ? ["admin.enableServer=false"]
      : [`admin.serverPort=${adminPort}`, "admin.serverAddress=127.0.0.1"]),
    "4lw.commands.whitelist=*",
    "maxClientCnxns=0",
    ...(options.config ?? []),
  ];
  await writeFile(join(directory, "zoo.cfg"), `${config.join("\n")}\n`);
  const jaas = join(directory, "jaas.conf");
  if (options.jaas !== undefined) await writeFile(jaas, options.jaas);
  const java = spawn(
    "java",
    [
      "-cp",
      // The package's jar does not name what its admin server needs besides.
      options.admin ? `${zookeeperJars}:/usr/share/java/servlet-api.jar` : zookeeperJars,
      `-Dzookeeper.extendedTypesEnabled=${options.extendedTypes ?? true}`,
      ...Object.entries(options.properties ?? {}).map(([name, value]) => `-D${name}=${value}`),
      ...(options.jaas === undefined ? [] : [`-Djava.security.auth.login.config=${jaas}`]),
      "org.apache.zookeeper.server.quorum.QuorumPeerMain",
      join(directory, "zoo.cfg"),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let complaints = "";
  java.stderr.on("data", (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-2_000);
  });
  const close = async (): Promise<void> => {
    await stop(java);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilServing(java, port, () => complaints);
  } catch (error) {
    await close();
    throw error;
  }
  const adminUrl = adminPort === undefined ? undefined : `http://127.0.0.1:${adminPort}`;
  return { connectString: `127.0.0.1:${port}`, port, pid: java.pid ?? 0, adminUrl, close };
}

async function stop(java: ChildProcess): Promise<void> {
  if (java.exitCode !== null || java.signalCode !== null) return;
  const exited = once(java, "exit");
  java.kill("SIGKILL");
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

async function untilServing(java: ChildProcess, port: number, complaints: () => string): Promise<void> {
  const giveUpMs = performance.now() + 60_000;
  while (!(await answersRuok(port))) {
    if (java.exitCode !== null) throw new Error(`Apache ZooKeeper ended with code ${java.exitCode}: ${complaints()}`);
    if (performance.now() > giveUpMs) throw new Error(`Apache ZooKeeper did not serve within 60 s: ${complaints()}`);
    // There is nothing to wait on but the answer itself: asked ten times a second.
    await delay(100);
  }
}

function answersRuok(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write("ruok"));
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    // Who does not answer is not the one that was started.
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(answer === "imok"));
  });
}
