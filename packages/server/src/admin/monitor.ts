/**
 * What `mntr` and `/commands/monitor` tell, by the reference's keys. Keys of what only an ensemble, Java or the reference's
 * inner workings have are not there; where a key is, it means what it means there, unless docs/server.md says otherwise.
 */
import { OpCode, WatchEventType } from "@corral/protocol";
import type { StartupCost } from "../recover-directory.ts";
import { Histogram } from "../replica/latencies.ts";
import { serverState } from "./reports.ts";
import type { Subject } from "./subject.ts";

/** Keys without their `zk_`, in the order in which they are shown. */
export async function monitor(subject: Subject): Promise<readonly (readonly [key: string, value: string | number])[]> {
  const { replica, clientPort, clock, machine } = subject;
  const { stats, state } = replica;
  const { min, average, max } = stats.latencyMs;
  const files = await machine.files();
  return [
    ["version", replica.version],
    ["server_state", serverState(subject)],
    ["avg_latency", Number(average.toFixed(4))],
    ["max_latency", Math.round(max)],
    ["min_latency", Math.round(min)],
    ["packets_received", stats.received],
    ["packets_sent", stats.sent],
    ["num_alive_connections", replica.connectionCount],
    ["outstanding_requests", replica.outstanding],
    ["znode_count", state.tree.nodeCount],
    ["watch_count", replica.watchCount],
    ["ephemerals_count", state.tree.ephemeralCount],
    ["approximate_data_size", state.tree.approximateDataBytes],
    ["global_sessions", state.sessions.size],
    ["local_sessions", 0],
    ...(files === undefined ? [] : ([["open_file_descriptor_count", files.open]] as const)),
    ...(files?.limit === undefined ? [] : ([["max_file_descriptor_count", files.limit]] as const)),
    ["uptime", Math.round(clock.elapsedMs() - subject.startedMs)],
    ["auth_failed_count", stats.authFailuresTotal],
    ["connection_request_count", stats.handshakesTotal],
    ["connection_rejected", clientPort.refusedTotal],
    ["sessionless_connections_expired", clientPort.silentTotal],
    ["connection_drop_count", clientPort.cutOffTotal + replica.closedTotal],
    ["bytes_received_count", clientPort.receivedBytesTotal],
    ["response_bytes", stats.replyBytesTotal],
    ["last_client_response_size", stats.sentSizes.last],
    ["max_client_response_size", stats.sentSizes.greatest],
    ["min_client_response_size", stats.sentSizes.least],
    ["watch_bytes", stats.eventBytesTotal],
    ["stale_sessions_expired", stats.sessionsExpiredTotal],
    ["snap_count", stats.snapshotsTotal],
    ["unrecoverable_error_count", replica.writesStopped ? 1 : 0],
    ["throttled_ops", stats.throttledTotal],
    ["outstanding_tls_handshake", subject.secure?.handshakes ?? 0],
    ["unsuccessful_handshake", subject.secure?.refusedTotal ?? 0],
    ...detailedSummary(
      "readlatency",
      merged(stats.latencies, (type) => !isWrite(type)),
    ),
    ...detailedSummary("updatelatency", merged(stats.latencies, isWrite)),
    ...summary("fsynctime", subject.syncMs),
    ...summary("sync_processor_batch_size", stats.entriesPerSync),
    ...summary("snapshottime", stats.snapshotMs),
    ...watchCounts.flatMap(([name, type]) => summary(name, stats.watchesFired.get(type) ?? new Histogram())),
    ...startupSummaries(subject.startup),
    // Java's pauses are our event loop's.
    ...detailedSummary("jvm_pause_time_ms", subject.loopLagMs),
  ];
}

/** Of one start each, for a server starts once. */
function startupSummaries(startup: StartupCost | undefined): Lines {
  if (startup === undefined) return [];
  const of = (name: string, value: number) => {
    const histogram = new Histogram();
    histogram.add(value);
    return summary(name, histogram);
  };
  return [
    ...of("dbinittime", startup.tookMs),
    ...of("startup_snap_load_time", startup.snapshotMs),
    ...of("startup_txns_load_time", startup.logMs),
    ...of("startup_txns_loaded", startup.entries),
  ];
}

/** How many were told of one change, by the reference's names. */
const watchCounts = [
  ["node_created_watch_count", WatchEventType.nodeCreated],
  ["node_deleted_watch_count", WatchEventType.nodeDeleted],
  ["node_changed_watch_count", WatchEventType.nodeDataChanged],
  ["node_children_watch_count", WatchEventType.nodeChildrenChanged],
] as const;

const writes = new Set<number>([
  OpCode.create,
  OpCode.create2,
  OpCode.createContainer,
  OpCode.createTTL,
  OpCode.delete,
  OpCode.setData,
  OpCode.setACL,
  OpCode.multi,
  OpCode.closeSession,
]);
const isWrite = (type: number | undefined): boolean => type !== undefined && writes.has(type);

function merged(
  all: readonly (readonly [type: number | undefined, Histogram])[],
  isWanted: (type: number | undefined) => boolean,
): Histogram {
  const together = new Histogram();
  for (const [type, histogram] of all) if (isWanted(type)) together.merge(histogram);
  return together;
}

type Lines = readonly (readonly [key: string, value: number])[];

function summary(name: string, { sum, count, min, max }: Histogram): Lines {
  return [
    [`avg_${name}`, count === 0 ? 0 : Number((sum / count).toFixed(4))],
    [`min_${name}`, Math.round(min)],
    [`max_${name}`, Math.round(max)],
    [`cnt_${name}`, count],
    [`sum_${name}`, Math.round(sum)],
  ];
}

/** By the reference's names: `p999` is of 99.9 %. */
const quantiles = { p50: 0.5, p95: 0.95, p99: 0.99, p999: 0.999 } as const;

function detailedSummary(name: string, values: Histogram): Lines {
  const shares = Object.entries(quantiles);
  return [
    ...summary(name, values),
    ...shares.map(([prefix, share]) => [`${prefix}_${name}`, Math.round(values.quantile(share))] as const),
  ];
}
