/** The commands of the admin port, with the reference's names and keys. */

import { formatAddress } from "@corral/io";
import type { ServerConfig } from "../config.ts";
import { type AdminCommand, type CommandBody as Body, CommandError } from "./admin-command.ts";
import { certificateCommand } from "./certificate-command.ts";
import { configuration } from "./four-letter-words.ts";
import type { JsonValue } from "./json.ts";
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
import { stateCommands } from "./state-commands.ts";
import type { Subject } from "./subject.ts";

/** All commands. */
export const adminCommands: readonly AdminCommand[] = [
  {
    names: ["configuration", "conf", "config"],
    run: async (subject) => {
      const conf = Object.fromEntries(await configuration(subject)) as Record<string, string | number>;
      return {
        client_port: conf.clientPort ?? null,
        data_dir: conf.dataDir ?? null,
        data_log_dir: conf.dataLogDir ?? null,
        tick_time: conf.tickTime ?? null,
        max_client_cnxns: conf.maxClientCnxns ?? null,
        min_session_timeout: conf.minSessionTimeout ?? null,
        max_session_timeout: conf.maxSessionTimeout ?? null,
        server_id: conf.serverId ?? null,
        client_port_listen_backlog: conf.clientPortListenBacklog ?? null,
      };
    },
  },
  {
    names: ["connection_stat_reset", "crst"],
    run: ({ replica }) => {
      for (const connection of replica.connections) connection.stats.reset();
      return {};
    },
  },
  {
    names: ["connections", "cons"],
    run: (subject) => connectionsByPort(subject, atLength),
  },
  {
    names: ["dirs"],
    run: async (subject) => {
      const { logBytes, snapshotBytes } = await subject.directorySizes();
      return { datadir_size: snapshotBytes, logdir_size: logBytes };
    },
  },
  {
    names: ["dump"],
    run: (subject) => ({
      expiry_time_to_session_ids: Object.fromEntries(
        subject.replica.sessionDueTimes.map(([dueMs, ids]) => [String(Math.round(dueMs)), ids]),
      ),
      session_id_to_ephemeral_paths: byText(ephemeralsBySession(subject)),
    }),
  },
  { names: ["environment", "env", "envi"], run: (subject) => Object.fromEntries(reportEnvironment(subject)) },
  { names: ["get_trace_mask", "gtmk"], run: ({ traceMask }) => ({ tracemask: traceMask }) },
  { names: ["hash", "digest"], run: (subject) => ({ digests: reportDigests(subject) }) },
  {
    names: ["initial_configuration", "icfg"],
    run: ({ config }) => ({
      initial_configuration: settingsOf(config)
        .map((pair) => `${pair.join("=")}\n`)
        .join(""),
    }),
  },
  { names: ["is_read_only", "isro"], run: ({ replica }) => ({ read_only: replica.writesStopped }) },
  {
    names: ["last_snapshot", "lsnp"],
    run: ({ replica: { stats } }) => ({
      zxid: stats.lastSnapshotZxid.toString(16),
      timestamp: Math.floor(stats.lastSnapshotAtMs / 1_000),
    }),
  },
  {
    names: ["leader", "lead"],
    run: () => {
      throw new CommandError("server is not initialized");
    },
  },
  { names: ["monitor", "mntr"], run: async (subject) => Object.fromEntries(await monitor(subject)) },
  { names: ["observer_connection_stat_reset", "orst"], run: () => ({}) },
  { names: ["observers", "obsr"], run: () => ({ synced_observers: 0, observers: [] }) },
  { names: ["ruok"], run: () => ({}) },
  { names: ["server_stats", "srvr"], run: (subject) => serverStats(subject) },
  {
    names: ["set_trace_mask", "stmk"],
    run: (subject, query) => {
      const mask = query.get("traceMask");
      if (mask === null || !/^-?\d{1,19}$/.test(mask)) {
        throw new CommandError("setTraceMask requires long traceMask argument");
      }
      subject.traceMask = BigInt.asIntN(64, BigInt(mask));
      return { tracemask: subject.traceMask };
    },
  },
  ...stateCommands,
  certificateCommand,
  {
    names: ["stat_reset", "srst"],
    run: ({ replica }) => {
      replica.stats.reset();
      return {};
    },
  },
  {
    names: ["stats", "stat"],
    run: async (subject) => ({
      ...(await serverStats(subject)),
      ...connectionsByPort(subject, briefly),
    }),
  },
  {
    names: ["system_properties", "sysp"],
    run: (subject) => {
      const settings = settingsOf(subject.config).map(([name, value]) => [`corral.${name}`, value] as const);
      return Object.fromEntries([...reportEnvironment(subject), ...settings].sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  },
  { names: ["voting_view"], run: () => ({ current_config: {} }) },
  {
    names: ["watch_summary", "wchs"],
    run: (subject) => {
      const { connections, paths, watches } = summarizeWatches(subject);
      return { num_connections: connections, num_paths: paths, num_total_watches: watches };
    },
  },
  {
    names: ["watches", "wchc"],
    run: (subject) => ({ session_id_to_watched_paths: byText(watchesBySession(subject)) }),
  },
  { names: ["watches_by_path", "wchp"], run: (subject) => ({ path_to_session_ids: byText(watchesByPath(subject)) }) },
  { names: ["zabstate"], run: () => ({ voting: false, zabstate: "" }) },
];

/** Whose values are nobody's business: that they are set is all that is told. */
const secret = /token|digest$|passw|passphrase|secret|users?$|key/i;

/** Every setting that has a value, limits with a dot before their names. */
function settingsOf({ behaviour, limits, ...config }: ServerConfig): readonly (readonly [string, string])[] {
  const settings = [
    ...Object.entries({
      ...config,
      compatibility: behaviour.version,
      extendedTypesEnabled: behaviour.timeToLive,
    }),
    ...Object.entries(limits).map(([name, value]) => [`limits.${name}`, value] as const),
  ];
  return settings.flatMap(([name, value]): (readonly [string, string])[] => {
    const isSecret = secret.test(name);
    // An empty list of secrets is none.
    if (value === undefined || (isSecret && Array.isArray(value) && value.length === 0)) return [];
    return [[name, isSecret || !isPlain(value) ? "(set)" : String(value)]];
  });
}

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => typeof item === "string");
  return ["string", "number", "boolean"].includes(typeof value);
}

function byText(groups: ReadonlyMap<bigint | string, readonly JsonValue[]>): Body {
  return Object.fromEntries([...groups].map(([key, values]) => [String(key), values]));
}

/** The reference's `fsync.warningthresholdms`, unless it is told another. */
const slowSyncMs = 1_000;

async function serverStats(subject: Subject): Promise<Body> {
  const { replica, clock, startedMs, syncMs } = subject;
  const { stats, state } = replica;
  const { min, average, max } = stats.latencyMs;
  const { logBytes, snapshotBytes } = await subject.directorySizes();
  const { last, least, greatest } = stats.sentSizes;
  const clientResponse = { last_buffer_size: last, min_buffer_size: least, max_buffer_size: greatest };
  return {
    version: replica.version,
    read_only: replica.writesStopped,
    server_stats: {
      packets_sent: stats.sent,
      packets_received: stats.received,
      data_dir_size: snapshotBytes,
      log_dir_size: logBytes,
      provider_null: false,
      server_state: serverState(subject),
      last_processed_zxid: state.lastZxid,
      outstanding_requests: replica.outstanding,
      avg_latency: Number(average.toFixed(4)),
      max_latency: Math.round(max),
      min_latency: Math.round(min),
      num_alive_client_connections: replica.connectionCount,
      auth_failed_count: stats.authFailuresTotal,
      fsync_threshold_exceed_count: syncMs.countAbove(slowSyncMs),
      uptime: Math.round(clock.elapsedMs() - startedMs),
      client_response_stats: clientResponse,
    },
    client_response: clientResponse,
    node_count: state.tree.nodeCount,
  };
}

/** By the port that they came to, as the reference has it: TLS on the port for clear text is among the others there, too. */
function connectionsByPort(subject: Subject, describe: (connection: ConnectionReport) => Body): Body {
  const reports = reportConnections(subject);
  return {
    connections: reports.filter(({ isSecure }) => !isSecure).map(describe),
    secure_connections: reports.filter(({ isSecure }) => isSecure).map(describe),
  };
}

function briefly({ host, port, interestOps, queued, received, sent }: ConnectionReport): Body {
  return {
    remote_socket_address: formatAddress({ host, port }),
    interest_ops: interestOps,
    outstanding_requests: queued,
    packets_received: received,
    packets_sent: sent,
  };
}

function atLength(connection: ConnectionReport): Body {
  const { session } = connection;
  if (session === undefined) return briefly(connection);
  return {
    ...briefly(connection),
    session_id: session.id,
    last_operation: session.lastOperation,
    established: session.establishedAtMs,
    session_timeout: session.timeoutMs,
    last_cxid: session.lastXid,
    last_zxid: session.lastZxid,
    last_response_time: session.lastReplyMs,
    last_latency: session.lastLatencyMs,
    min_latency: Math.round(session.latencyMs.min),
    avg_latency: Math.round(session.latencyMs.average),
    max_latency: Math.round(session.latencyMs.max),
  };
}
