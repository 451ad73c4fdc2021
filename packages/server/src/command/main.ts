/** The `corral-server` command: one server in the foreground. */
import { isDirectoryInUseError } from "@corral/io";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import { type CompatibleVersion, compatibleVersions } from "../compatibility.ts";
import { ConfigError } from "../config.ts";
import { type Server, startServer } from "../server.ts";
import { StorageError } from "../storage/storage-error.ts";
import { serverVersion } from "../version.ts";

const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

interface Flags {
  readonly host?: string;
  readonly clientPort: number;
  readonly dataDir?: string;
  readonly memory?: true;
  readonly tick?: number;
  readonly minSessionTimeout?: number;
  readonly maxSessionTimeout?: number;
  readonly compatibility?: CompatibleVersion;
  readonly logLevel: string;
}

/** Exit codes: 0 stopped as asked, 1 could not start or had to stop, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  const command = describeCommand();
  try {
    command.parse([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const flags = command.opts<Flags>();
  if (flags.dataDir !== undefined && flags.memory !== undefined) {
    fail(2, "--data-dir and --memory exclude each other: give the one that you mean.");
    return;
  }
  if (flags.dataDir === undefined && flags.memory === undefined) {
    fail(
      2,
      "Say where the data shall live with --data-dir DIR, or --memory for a server that forgets everything at its end.",
    );
    return;
  }
  await serve(flags);
}

function describeCommand(): Command {
  return new Command("corral-server")
    .description("Runs one Corral coordination server in the foreground. It speaks the ZooKeeper client protocol.")
    .option("--client-port <port>", "port for clients; 0 takes a free one", wholeNumber, 2181)
    .option("--host <address>", "address to listen on (default: 127.0.0.1; 0.0.0.0 for every interface)")
    .option("--data-dir <dir>", "directory for logs and snapshots; made if it does not exist")
    .option("--memory", "keep everything in memory, nothing on disk")
    .option("--tick <ms>", "basic unit of time; sessions expire with this precision (default: 2000)", wholeNumber)
    .option("--min-session-timeout <ms>", "shortest session timeout granted (default: 2 ticks)", wholeNumber)
    .option("--max-session-timeout <ms>", "longest session timeout granted (default: 20 ticks)", wholeNumber)
    .addOption(
      new Option("--compatibility <version>", "for tests of clients: as this older Apache ZooKeeper").choices(
        compatibleVersions,
      ),
    )
    .option("--log-level <level>", `${logLevels.join(", ")}; the log is JSON lines on standard error`, logLevel, "info")
    .version(serverVersion)
    .allowExcessArguments(false)
    .exitOverride();
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function logLevel(text: string): string {
  if (!(logLevels as readonly string[]).includes(text)) {
    throw new InvalidArgumentError(`It must be one of ${logLevels.join(", ")}.`);
  }
  return text;
}

async function serve(flags: Flags): Promise<void> {
  const logger = pino({ level: flags.logLevel, base: null }, pino.destination({ dest: 2, sync: true }));
  let server: Server;
  try {
    server = await startServer({
      ...(flags.host !== undefined && { host: flags.host }),
      clientPort: flags.clientPort,
      ...(flags.memory === undefined && flags.dataDir !== undefined && { dataDir: flags.dataDir }),
      ...(flags.tick !== undefined && { tickMs: flags.tick }),
      ...(flags.minSessionTimeout !== undefined && { minSessionTimeoutMs: flags.minSessionTimeout }),
      ...(flags.maxSessionTimeout !== undefined && { maxSessionTimeoutMs: flags.maxSessionTimeout }),
      ...(flags.compatibility !== undefined && { compatibility: flags.compatibility }),
      logger,
    });
  } catch (error) {
    fail(error instanceof ConfigError ? 2 : 1, explain(error, flags));
    return;
  }
  const where = flags.memory ? "in memory" : `data in ${flags.dataDir}`;
  process.stdout.write(`Corral server ready: listening on ${server.connectString} (${where})\n`);

  const stop = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, "stopping");
    server.close().then(
      () => {
        // Handlers gone, ports closed: the process ends by itself. A second signal ends it the hard way.
        process.off("SIGTERM", stop).off("SIGINT", stop);
        process.stdout.write("Corral server stopped\n");
      },
      (error: unknown) => fail(1, `Stopping failed: ${messageOf(error)}`),
    );
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
  server.failed.catch(async (error: unknown) => {
    fail(1, `The server had to stop: ${messageOf(error)}`);
    await server.close();
  });
}

function fail(code: number, sentence: string): void {
  process.exitCode = code;
  process.stderr.write(`corral-server: ${sentence}\n`);
}

/** One sentence: what was tried, what is in the way, what to do. */
function explain(error: unknown, flags: Flags): string {
  const known = error instanceof ConfigError || error instanceof StorageError || isDirectoryInUseError(error);
  const origin = error instanceof StorageError ? (error.cause ?? error) : error;
  const { code, path } = origin as NodeJS.ErrnoException;
  switch (code) {
    case "EADDRINUSE":
      return `Port ${flags.clientPort} is in use by another program. Stop it, or choose another port with --client-port.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${flags.host} is no address of this machine. Choose another with --host.`;
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return path === undefined
        ? `Port ${flags.clientPort} may not be used by this user. Choose one above 1023 with --client-port.`
        : `${path} cannot be written (${code}). Make it writable for this user, or choose another directory with --data-dir.`;
    case "ENOENT":
      return `${path ?? flags.dataDir} cannot be made there. Choose another place with --data-dir.`;
    case "ENOTDIR":
    case "EEXIST":
      return `${path ?? flags.dataDir} is not a directory. Choose another place with --data-dir.`;
    case "ENOSPC":
      return `There is no space left for ${path ?? flags.dataDir}. Free some, or choose another place with --data-dir.`;
    default:
      if (error instanceof ConfigError) return inFlags(error.message);
      return known ? error.message : `The server cannot start: ${messageOf(error)}`;
  }
}

/** Settings by the names that they have on the command line. */
function inFlags(message: string): string {
  return message
    .replace("Wrong settings: ", "")
    .replaceAll("clientPort", "--client-port")
    .replaceAll("dataDir", "--data-dir")
    .replaceAll("tickMs", "--tick")
    .replaceAll("minSessionTimeoutMs", "--min-session-timeout")
    .replaceAll("maxSessionTimeoutMs", "--max-session-timeout");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
