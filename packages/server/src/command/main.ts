/** The `corral-server` command: one server in the foreground. Its other commands are in offline.ts, scram.ts and digest.ts. */
import { closeSync, existsSync, readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { type Logger, nodeDisk, nodeEnvironment } from "@corral/io";
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import { compatibleVersions } from "../compatibility.ts";
import { ConfigError, parseConfig, type ServerConfig } from "../config.ts";
import { defaultLimits } from "../limits.ts";
import { type Server, startServer } from "../server.ts";
import { findApacheData, holdsApacheData } from "../storage/apache-data.ts";
import { serverVersion } from "../version.ts";
import { fail, standardError } from "./fail.ts";
import { logLevelVariable, serverOptions } from "./options.ts";
import { type Gathered, gatherSettings, splitWords } from "./settings.ts";
import { explainStart } from "./start-errors.ts";

const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** How long a server that has stopped waits for who reads its standard output, ms. */
const unreadOutputMs = 1_000;
/** How long after SIGHUP it looks whether its terminal is there still, ms. */
const hangUpMs = 2_000;
/** How long it waits for a disk that has not done what it was asked for, ms. */
const hungDiskMs = 5_000;

const sayWhere =
  "Say where the data shall live with --data-dir DIR, or --memory for a server that forgets everything at its end.";

interface Flags {
  readonly config?: string;
  readonly memory?: true;
  readonly limit?: ReadonlyMap<string, number>;
  readonly logLevel?: string;
}

const offline = async () => (await import("./offline.ts")).runOffline;

/** Commands that start no server. Loaded when they are asked for: a server has no use for their code. */
const otherCommands: ReadonlyMap<string, () => Promise<(argv: readonly string[]) => Promise<void>>> = new Map([
  ["verify", offline],
  ["dump", offline],
  ["repair", offline],
  ["scram", async () => (await import("./scram.ts")).runScram],
  ["digest", async () => (await import("./digest.ts")).runDigest],
]);

/** Exit codes: 0 stopped as asked, 1 could not start or had to stop, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on("error", onOutputLost);
  const terminals = openTerminals();
  process.on("exit", endCommand).on("exit", () => leaveTerminals(terminals));
  const other = otherCommands.get(argv[2] ?? "");
  if (other !== undefined) return (await other())(argv);
  const command = describeCommand();
  try {
    command.parse([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const flags = command.opts<Flags>();
  let gathered: Gathered;
  let level: string;
  try {
    gathered = gatherSettings({
      flags: settingsOf(command, flags),
      memoryFlag: flags.memory ?? false,
      configFlag: flags.config,
      environment: nodeEnvironment,
      readFile: (path) => readFileSync(path, "utf8"),
    });
    level = flags.logLevel ?? logLevel(gathered.logLevel ?? "info");
    const { auditEnabled, auditFile } = gathered.settings;
    if (auditEnabled && auditFile === undefined && level !== "debug" && level !== "info") {
      return fail(
        2,
        `${gathered.nameOf("auditEnabled")} wants an audit log in the server's log, which log level ${level} keeps silent. ` +
          `Give it a file with ${gathered.nameOf("auditFile")}.`,
      );
    }
  } catch (error) {
    if (error instanceof InvalidArgumentError) return fail(2, `${logLevelVariable}: ${error.message}`);
    if (!(error instanceof ConfigError)) throw error;
    return fail(2, `${error.message.replace("Wrong settings: ", "")}.`);
  }
  await serve(gathered, level);
}

function describeCommand(): Command {
  const command = new Command("corral-server")
    .description("Runs one Corral coordination server in the foreground. It speaks the ZooKeeper client protocol.")
    .addArgument(new Argument("[command]", "what to do").choices(["start"]).default("start"))
    .option("--config <file>", "a zoo.cfg as Apache ZooKeeper has it, or settings as JSON if its name ends with .json")
    .option("--memory", "keep everything in memory, nothing on disk");
  for (const { flag, value, help, kind, setting } of serverOptions) {
    if (flag === undefined) continue;
    const option = new Option(`--${flag} <${value}>`, help);
    if (setting === "compatibility") option.choices(compatibleVersions);
    else if (kind === "number") option.argParser(wholeNumber);
    else if (kind === "boolean") option.choices(["true", "false"]);
    else if (kind === "words") option.argParser(splitWords);
    command.addOption(option);
  }
  return command
    .option("--limit <name=number>", "one of the limits of docs/server.md; can be repeated", addLimit)
    .option(
      "--log-level <level>",
      `${logLevels.join(", ")}; the log is JSON lines on standard error (default: info)`,
      logLevel,
    )
    .addHelpText(
      "after",
      `
Of a data directory that no server uses, "corral-server verify DIR" tells whether it is sound, "corral-server dump DIR" what is in it;
"corral-server repair DIR" says what would have to be given up for a server to start there again, and does it with --yes.
"corral-server scram USER" reads a password and prints what the server has to know of it; "corral-server digest USER" its identity for
access lists.

Every setting can also come from the environment, CORRAL_CLIENT_PORT for --client-port, or from the file of --config. A flag
counts before a variable, a variable before the file. docs/server.md has them all.`,
    )
    .version(serverVersion)
    .allowExcessArguments(false)
    .configureOutput({ writeErr: (text) => standardError.write(text) })
    .exitOverride();
}

/** What was said by flags, by the names of the settings. */
function settingsOf(command: Command, flags: Flags): ReadonlyMap<string, unknown> {
  const settings = new Map<string, unknown>([...(flags.limit ?? [])].map(([name, value]) => [`limits.${name}`, value]));
  for (const { flag, setting, kind } of serverOptions) {
    if (flag === undefined) continue;
    const value: unknown = command.getOptionValue(flag.replace(/-./g, (dash) => dash.charAt(1).toUpperCase()));
    if (value !== undefined) settings.set(setting, kind === "boolean" ? value === "true" : value);
  }
  return settings;
}

function addLimit(text: string, limits: ReadonlyMap<string, number> = new Map()): ReadonlyMap<string, number> {
  const [, name = "", number = ""] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (!Object.hasOwn(defaultLimits, name)) {
    throw new InvalidArgumentError(`It must be name=number, the name one of ${Object.keys(defaultLimits).join(", ")}.`);
  }
  return new Map([...limits, [name, wholeNumber(number)]]);
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

async function serve({ settings, memory, warnings, nameOf }: Gathered, level: string): Promise<void> {
  const isAuditLog = settings.auditEnabled === true && settings.auditFile === undefined;
  process.off("exit", endCommand).prependListener("exit", () => endServer(isAuditLog));
  const logger = Object.assign(pino({ level, base: null }, standardError), { output: standardError });
  const hadTerminal = openTerminals().length > 0;
  // Neither a hung directory nor a long recovery must end by it. What it asks for is done when the server serves.
  let hungUp = false;
  let secondLook: NodeJS.Timeout | undefined;
  let onHangUp = (): void => {
    hungUp = true;
  };
  process.on("SIGHUP", () => onHangUp());
  for (const warning of warnings) logger.warn({}, warning);
  const { dataDir } = settings;
  let server: Server;
  let config: ServerConfig;
  try {
    // What is no setting may be one of startServer's other options, a clock or a logger: from a file it is a mistake.
    config = parseConfig(settings);
    if (dataDir === undefined && !memory) return fail(2, sayWhere);
    const apache = dataDir !== undefined && existsSync(dataDir) && (await findApacheData(nodeDisk, dataDir));
    if (apache)
      return fail(1, holdsApacheData(dataDir, apache, `Choose another directory with ${nameOf("dataDir")}. `));
    if (isAuditLog) standardError.maxWaitingBytes = config.limits.maxAuditBytes;
    server = await startServer({ ...settings, logger });
  } catch (error) {
    fail(error instanceof ConfigError ? 2 : 1, explainStart(error, settings, nameOf));
    return endUnread();
  }
  // What it says there is nothing that its clients would miss.
  process.stdout.off("error", onOutputLost).on("error", (error) => {
    if (!isUnread(error)) logger.warn({ error: error.message }, "standard output cannot be written");
  });
  const onStoppingFailed = (error: unknown): void => fail(1, `Stopping failed: ${messageOf(error)}`);
  const onClosed = (): void => {
    if (server.lostAuditLines > 0 && !process.exitCode) process.exitCode = 1;
    endUnread();
  };
  // A terminal that is closed may say so twice; and a server that ends by itself has nothing to read again.
  const ignoreHangUps = (): void => {
    onHangUp = () => undefined;
    clearTimeout(secondLook);
  };
  const stop = (signal: NodeJS.Signals): void => {
    // Whichever of them comes second ends it the hard way.
    process.off("SIGTERM", stop).off("SIGINT", stop);
    ignoreHangUps();
    logger.info({ signal }, "stopping");
    server
      .close()
      .then(() => process.stdout.write("Corral server stopped\n"), onStoppingFailed)
      .finally(onClosed);
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
  // Where there was a terminal and is none any more, nobody can end the server by a key.
  const stopIfHungUp = (): boolean => {
    const isHungUp = hadTerminal && openTerminals().length === 0;
    if (isHungUp) stop("SIGHUP");
    return isHungUp;
  };
  onHangUp = () => {
    if (stopIfHungUp()) return;
    readAgain(server, config, logger);
    if (!hadTerminal) return;
    // A shell that ends tells its jobs, and its terminal is closed only then; nobody tells them again.
    clearTimeout(secondLook);
    secondLook = setTimeout(stopIfHungUp, hangUpMs).unref();
  };
  if (hungUp) onHangUp();
  server.failed.catch(async (error: unknown) => {
    ignoreHangUps();
    fail(1, `The server had to stop: ${messageOf(error)}`);
    await server.close().catch(onStoppingFailed).finally(onClosed);
  });

  // Last: who waits for it may send the first signal at once.
  const where = memory ? "in memory" : `data in ${dataDir}`;
  if (server.adminUrl !== undefined) process.stdout.write(`Corral admin server: ${server.adminUrl}\n`);
  if (server.secureClientPort !== undefined) process.stdout.write(`Corral secure port: ${server.secureClientPort}\n`);
  process.stdout.write(`Corral server ready: listening on ${server.connectString} (${where})\n`);
}

/** The standard streams that are terminals: one that is closed is none any more. */
function openTerminals(): readonly number[] {
  return [0, 1, 2].filter((fd) => isatty(fd));
}

/**
 * The end of a process that was started in `terminals`. Node 20 sets each back as it was, and aborts where one is closed but its descriptor
 * is not: with a stack of its own in the log, and a status that says nothing of the server.
 */
function leaveTerminals(terminals: readonly number[]): void {
  for (const fd of terminals) if (!isatty(fd)) closeSync(fd);
}

/** What SIGHUP asks for, unless the terminal is closed. It ends no server, were it only that who rotates logs sends it to all alike. */
function readAgain(server: Server, { tls, adminTls, auditEnabled, auditFile }: ServerConfig, logger: Logger): void {
  const hasCertificates = tls !== undefined || adminTls !== undefined;
  const hasAuditFile = auditEnabled && auditFile !== undefined;
  if (hasCertificates) server.reloadCertificates();
  if (hasAuditFile) server.reopenAuditLog();
  if (hasCertificates || hasAuditFile) return;
  logger.info({ signal: "SIGHUP" }, "there is nothing to read again: no port speaks TLS, and no audit log has a file");
}

/** The end of a process in which no server was started. What it could not say was said in vain, but where somebody has seen enough. */
function endCommand(): void {
  const { lost, obstacle } = standardError.end();
  if (lost > 0 && obstacle !== "EPIPE" && !process.exitCode) process.exitCode = 1;
}

/** What its log has lost at the end, and could not tell of there. Writes that were acknowledged may be missing in an audit log. */
function endServer(isAuditLog: boolean): void {
  const { lost } = standardError.end();
  if (lost === 0) return;
  if (isAuditLog && !process.exitCode) process.exitCode = 1;
  const what = isAuditLog ? "log, which is the audit log," : "log";
  process.stdout.write(`Lines of the ${what} are lost at its end, for standard error does not take them: ${lost}\n`);
}

/**
 * The process has nothing left to do: it ends when standard output has been read, or its time is over. What a disk has not done by
 * then keeps a thread, for which every orderly end would wait, were it for ever.
 */
function endUnread(sinceMs = performance.now()): void {
  setTimeout(() => {
    const isHeld = process.getActiveResourcesInfo().some((name) => /^(FSReq|CloseReq)/.test(name));
    if (isHeld && performance.now() - sinceMs < hungDiskMs) return endUnread(sinceMs);
    if (isHeld) process.on("exit", () => process.kill(process.pid, "SIGKILL"));
    process.exit();
  }, unreadOutputMs).unref();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Told once. A repair goes on all the same. */
function onOutputLost(error: NodeJS.ErrnoException): void {
  if (isUnread(error)) return;
  process.stdout.off("error", onOutputLost).on("error", () => undefined);
  fail(1, `Standard output cannot be written: ${error.message}.`);
}

/** Who reads the output, as head does, has seen enough. */
function isUnread({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE";
}
