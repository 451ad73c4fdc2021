/** The answers to the four-letter words, in the reference's format: kazoo, go-zk, zktop and people's scripts parse them. */
import { type AskedWord, type FourLetterWord, formatZxid, telnetClose } from "@corral/protocol";
import { formatSessionId } from "../replica/connection.ts";
import { monitor } from "./monitor.ts";
import {
  type ConnectionReport,
  ephemeralsBySession,
  reportConnections,
  reportDigests,
  reportEnvironment,
  serverState,
  summarizeWatches,
  watchesByPath,
  watchesBySession,
} from "./reports.ts";
import { notServing, type Subject } from "./subject.ts";

/**
 * The text that answers `word`. `argument`: the eight bytes that follow `stmk`. A word that the configuration does not
 * allow gets the reference's sentence.
 */
export async function answerFourLetterWord(
  word: AskedWord,
  subject: Subject,
  argument: Uint8Array = new Uint8Array(8),
): Promise<string> {
  if (!isAllowed(word, subject)) return `${word} is not executed because it is not in the whitelist.\n`;
  // It asks for nothing but the end, which every answer brings.
  if (word === telnetClose) return "";
  const { replica } = subject;
  if (word === "ruok") return "imok";
  if (word === "isro") return !replica.serving ? "null" : replica.writesStopped ? "ro" : "rw";
  if (word === "gtmk") return String(subject.traceMask);
  if (word === "stmk") {
    subject.traceMask = Buffer.from(argument).readBigInt64BE();
    return String(subject.traceMask);
  }
  if (word === "envi")
    return lines(["Environment:", ...reportEnvironment(subject).map(([key, value]) => `${key}=${value}`)]);
  if (!replica.serving) return `${notServing}\n`;
  return answers[word](subject);
}

function isAllowed(word: AskedWord, { config }: Subject): boolean {
  const allowed: readonly string[] = config.fourLetterWords;
  return allowed.includes("*") || allowed.includes(word);
}

/** A list, not parameters: of those there cannot be as many as clients have watches. */
const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");

type Answer = (subject: Subject) => string | Promise<string>;

const answers: Readonly<Record<Exclude<FourLetterWord, "ruok" | "isro" | "gtmk" | "stmk" | "envi">, Answer>> = {
  srvr: (subject) => lines([version(subject), ...summary(subject)]),
  stat: (subject) =>
    lines([
      version(subject),
      "Clients:",
      ...reportConnections(subject).map((c) => ` ${briefly(c)}`),
      "",
      ...summary(subject),
    ]),
  cons: (subject) => lines([...reportConnections(subject).map((c) => ` ${atLength(c)}`), ""]),
  crst: ({ replica }) => {
    for (const connection of replica.connections) connection.stats.reset();
    return "Connection stats reset.\n";
  },
  srst: ({ replica }) => {
    replica.stats.reset();
    return "Server stats reset.\n";
  },
  conf: async (subject) => lines((await configuration(subject)).map(([key, value]) => `${key}=${value}`)),
  dirs: async (subject) => {
    const { logBytes, snapshotBytes } = await subject.directorySizes();
    return lines([`datadir_size: ${snapshotBytes}`, `logdir_size: ${logBytes}`]);
  },
  dump: (subject) => dump(subject),
  hash: (subject) => lines(reportDigests(subject).map(({ zxid, digest }) => `${zxid.toString(16)}:${digest}`)),
  mntr: async (subject) => lines((await monitor(subject)).map(([key, value]) => `zk_${key}\t${value}`)),
  wchs: (subject) => {
    const { connections, paths, watches } = summarizeWatches(subject);
    return lines([`${connections} connections watching ${paths} paths`, `Total watches:${watches}`]);
  },
  wchc: (subject) => grouped(watchesBySession(subject), formatSessionId, (path) => path),
  wchp: (subject) => grouped(watchesByPath(subject), (path) => path, formatSessionId),
};

function version({ replica }: Subject): string {
  return `Zookeeper version: ${replica.version}`;
}

function summary(subject: Subject): readonly string[] {
  const { replica } = subject;
  const { stats, state } = replica;
  const { min, average, max } = stats.latencyMs;
  return [
    `Latency min/avg/max: ${Math.round(min)}/${decimal(average)}/${Math.round(max)}`,
    `Received: ${stats.received}`,
    `Sent: ${stats.sent}`,
    `Connections: ${replica.connectionCount}`,
    `Outstanding: ${replica.outstanding}`,
    `Zxid: ${formatZxid(state.lastZxid)}`,
    replica.writesStopped ? "Mode: read-only (the log failed: writes are refused)" : `Mode: ${serverState(subject)}`,
    `Node count: ${state.tree.nodeCount}`,
  ];
}

/** As Java prints a number of at most four decimals: `0.0`, `18.3333`. */
function decimal(value: number): string {
  const rounded = Number(value.toFixed(4));
  return Number.isInteger(rounded) ? rounded.toFixed(1) : String(rounded);
}

/** The address without brackets, for IPv6 too: tools look for it so. */
const address = ({ host, port, interestOps }: ConnectionReport): string => `/${host}:${port}[${interestOps}]`;

function briefly(connection: ConnectionReport): string {
  const { queued, received, sent } = connection;
  return `${address(connection)}(queued=${queued},recved=${received},sent=${sent})`;
}

function atLength(connection: ConnectionReport): string {
  const { queued, received, sent, session } = connection;
  if (session === undefined) return briefly(connection);
  const { min, average, max } = session.latencyMs;
  const values = [
    `queued=${queued}`,
    `recved=${received}`,
    `sent=${sent}`,
    `sid=${formatSessionId(session.id)}`,
    `lop=${session.lastOperation}`,
    `est=${session.establishedAtMs}`,
    `to=${session.timeoutMs}`,
    `lcxid=0x${(session.lastXid >>> 0).toString(16)}`,
    `lzxid=${formatZxid(session.lastZxid)}`,
    `lresp=${session.lastReplyMs}`,
    `llat=${session.lastLatencyMs}`,
    `minlat=${Math.round(min)}`,
    `avglat=${Math.round(average)}`,
    `maxlat=${Math.round(max)}`,
  ];
  return `${address(connection)}(${values.join(",")})`;
}

/** The settings that the reference's `conf` shows, by its names. */
export async function configuration(subject: Subject): Promise<readonly (readonly [string, string | number])[]> {
  const { config, boundPort, boundSecurePort } = subject;
  const { logBytes, snapshotBytes } = await subject.directorySizes();
  const dataDir = config.dataDir ?? "";
  return [
    ["clientPort", boundPort ?? -1],
    ["secureClientPort", boundSecurePort ?? -1],
    ["dataDir", dataDir],
    ["dataDirSize", snapshotBytes],
    ["dataLogDir", dataDir],
    ["dataLogSize", logBytes],
    ["tickTime", config.tickMs],
    ["maxClientCnxns", config.limits.maxConnectionsPerAddress],
    ["minSessionTimeout", config.minSessionTimeoutMs],
    ["maxSessionTimeout", config.maxSessionTimeoutMs],
    ["clientPortListenBacklog", -1],
    ["serverId", config.serverId],
  ];
}

function dump(subject: Subject): string {
  const { replica } = subject;
  const due = replica.sessionDueTimes;
  const ids = new Set(due.flatMap(([, sessions]) => sessions));
  const ephemerals = ephemeralsBySession(subject);
  const bySession = new Map([...replica.connections].map((c) => [c.session?.id ?? 0n, c] as const));
  const sets = due.map(([dueMs, sessions]) => ({ at: javaDate(wallTime(subject, dueMs)), sessions }));
  return lines([
    "SessionTracker dump:",
    `Session Sets (${sets.length})/(${ids.size}):`,
    ...sets.flatMap(({ at, sessions }) => [
      `${sessions.length} expire at ${at}:`,
      ...sessions.map((id) => `\t${formatSessionId(id)}`),
    ]),
    "ephemeral nodes dump:",
    `Sessions with Ephemerals (${ephemerals.size}):`,
    ...[...ephemerals].flatMap(([id, paths]) => [`${formatSessionId(id)}:`, ...paths.map((path) => `\t${path}`)]),
    "Connections dump:",
    // A connection ends with its session: it has no time of its own.
    `Connections Sets (${sets.length})/(${replica.connectionCount}):`,
    ...sets.flatMap(({ at, sessions }) => {
      const connected = sessions.flatMap((id) => {
        const connection = bySession.get(id);
        return connection === undefined ? [] : [`\tip: /${connection.remoteText} sessionId: ${formatSessionId(id)}`];
      });
      return [`${connected.length} expire at ${at}:`, ...connected];
    }),
  ]);
}

const wallTime = ({ clock }: Subject, elapsedMs: number): number => clock.wallMs() - clock.elapsedMs() + elapsedMs;

/** As Java prints a date: `Sat Nov 28 20:23:16 UTC 2026`. */
function javaDate(wallMs: number): string {
  const [weekday = "", day = "", month = "", year = "", time = ""] = new Date(wallMs).toUTCString().split(" ");
  return `${weekday.replace(",", "")} ${month} ${day} ${time} UTC ${year}`;
}

function grouped<K, V>(
  groups: ReadonlyMap<K, readonly V[]>,
  head: (key: K) => string,
  item: (value: V) => string,
): string {
  return lines([
    ...[...groups].flatMap(([key, values]) => [head(key), ...values.map((value) => `\t${item(value)}`)]),
    "",
  ]);
}
