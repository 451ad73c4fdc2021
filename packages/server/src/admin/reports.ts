/** What a server tells of itself, as plain data, for the four-letter words and for the admin port alike. */
import type { Connection } from "../replica/connection.ts";
import { digestVersion } from "../state/tree-digest.ts";
import type { Subject } from "./subject.ts";

/** Names of operations as the reference's `cons` has them. */
const lastOperationNames: Readonly<Record<number, string>> = {
  1: "CREA",
  2: "DELE",
  3: "EXIS",
  4: "GETD",
  5: "SETD",
  6: "GETA",
  7: "SETA",
  8: "GETC",
  9: "SYNC",
  11: "PING",
  12: "GETC",
  13: "CHEC",
  14: "MULT",
  15: "CREA",
  16: "RECO",
  17: "CHKW",
  18: "REMW",
  19: "CREA",
  20: "DELE",
  21: "CREA",
  22: "MLTR",
  100: "AUTH",
  101: "SETW",
  102: "SASL",
  103: "GETE",
  104: "GETACN",
  105: "STW2",
  106: "ADDW",
  107: "HOMI",
  [-11]: "CLOS",
};

/** One connection, as `cons` and `connections` show it. */
export interface ConnectionReport {
  /** Whether it came to the port that speaks nothing but TLS. */
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** 1: it is read; 4: output waits for it. */
  readonly interestOps: number;
  readonly queued: number;
  readonly received: number;
  readonly sent: number;
  /** Absent while it has no session. */
  readonly session:
    | {
        readonly id: bigint;
        readonly timeoutMs: number;
        readonly lastOperation: string;
        readonly establishedAtMs: number;
        readonly lastXid: number;
        readonly lastZxid: number;
        readonly lastReplyMs: number;
        readonly lastLatencyMs: number;
        readonly latencyMs: { readonly min: number; readonly average: number; readonly max: number };
      }
    | undefined;
}

/** All connections, those of four-letter words among them. */
export function reportConnections({ replica, clock }: Subject): readonly ConnectionReport[] {
  const startOfTimeMs = clock.wallMs() - clock.elapsedMs();
  return [...replica.connections].map((connection) => reportConnection(connection, startOfTimeMs));
}

function reportConnection(connection: Connection, startOfTimeMs: number): ConnectionReport {
  const { stats, session } = connection;
  const { lastType } = stats;
  return {
    isSecure: connection.isSecure,
    host: connection.remote.host,
    port: connection.remote.port,
    interestOps:
      (connection.readingPaused || connection.phase === "fresh" ? 0 : 1) | (connection.pendingOutput > 0 ? 4 : 0),
    queued: connection.queue.length,
    received: stats.received,
    sent: stats.sent,
    session: session && {
      id: session.id,
      timeoutMs: session.timeoutMs,
      lastOperation: lastType === undefined ? "NA" : (lastOperationNames[lastType] ?? "NA"),
      establishedAtMs: Math.round(startOfTimeMs + connection.connectedMs),
      lastXid: stats.lastXid,
      lastZxid: stats.lastZxid,
      lastReplyMs: Math.round(stats.lastReplyMs),
      lastLatencyMs: Math.round(stats.lastLatencyMs),
      latencyMs: stats.latency.ms,
    },
  };
}

/** Session id of a watcher; 0 for one that has none any more. */
const sessionOf = (connection: Connection): bigint => connection.session?.id ?? 0n;

/** Who watches what. */
export function watchesBySession({ replica }: Subject): ReadonlyMap<bigint, readonly string[]> {
  const bySession = new Map<bigint, readonly string[]>();
  for (const connection of replica.connections) {
    if (connection.watchedPaths.size > 0) bySession.set(sessionOf(connection), [...connection.watchedPaths]);
  }
  return bySession;
}

/** What is watched by whom. */
export function watchesByPath({ replica }: Subject): ReadonlyMap<string, readonly bigint[]> {
  const byPath = new Map<string, readonly bigint[]>();
  for (const [path, watchers] of replica.watches) byPath.set(path, [...watchers].map(sessionOf));
  return byPath;
}

/** How many watch, how many paths, how many pairs of the two. */
export function summarizeWatches({ replica }: Subject): { connections: number; paths: number; watches: number } {
  let connections = 0;
  for (const connection of replica.connections) if (connection.watchedPaths.size > 0) connections++;
  return { connections, paths: replica.watches.pathCount, watches: replica.watches.size };
}

/** The ephemeral nodes by session. */
export function ephemeralsBySession({ replica }: Subject): ReadonlyMap<bigint, readonly string[]> {
  const bySession = new Map<bigint, readonly string[]>();
  for (const [sessionId, paths] of replica.state.tree.ephemerals()) bySession.set(sessionId, [...paths]);
  return bySession;
}

/** The tree's digests at every 128th zxid, the last 1,024 of them; a digest as a signed number, as Java has it. */
export function reportDigests({ replica }: Subject): readonly {
  readonly zxid: number;
  readonly digest: bigint;
  readonly digestVersion: number;
}[] {
  return replica.state.digestLog.map(({ zxid, digest: { high, low } }) => ({
    zxid,
    digest: BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)),
    digestVersion,
  }));
}

/** The surroundings, by the reference's keys where there is such a thing. */
export function reportEnvironment({ replica, machine }: Subject): readonly (readonly [key: string, value: string])[] {
  const facts = machine.facts();
  const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)}MB`;
  return [
    ["zookeeper.version", replica.version],
    ["host.name", facts.hostName],
    ["node.version", facts.runtime],
    ["os.name", facts.osName],
    ["os.arch", facts.architecture],
    ["os.version", facts.osVersion],
    ["user.name", facts.userName],
    ["user.home", facts.homeDirectory],
    ["user.dir", facts.workingDirectory],
    ["os.memory.free", megabytes(Math.max(0, facts.heapLimitBytes - facts.heapUsedBytes))],
    ["os.memory.max", megabytes(facts.heapLimitBytes)],
    ["os.memory.total", megabytes(facts.residentBytes)],
  ];
}

/** What `Mode:` and `server_state` say. */
export function serverState({ replica }: Subject): string {
  return replica.writesStopped ? "read-only" : "standalone";
}
