/**
 * What `mntr` and `/commands/monitor` tell, by the reference's keys. Keys of what only an ensemble, Java or the reference's
 * inner workings have are not there; where a key is, it means what it means there, unless docs/server.md says otherwise.
 */
import { OpCode } from "@corral/protocol";
import type { Histogram } from "../replica/latencies.ts";
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
    ["connection_rejected", clientPort.refusedTotal],
    ["connection_drop_count", clientPort.cutOffTotal],
    ["bytes_received_count", clientPort.receivedBytesTotal],
    ["response_bytes", clientPort.sentBytesTotal],
    ["stale_sessions_expired", stats.sessionsExpiredTotal],
    ["snap_count", stats.snapshotsTotal],
    ["unrecoverable_error_count", replica.writesStopped ? 1 : 0],
    ...summary(
      "readlatency",
      merged(stats.latencies, (type) => !isWrite(type)),
    ),
    ...summary("updatelatency", merged(stats.latencies, isWrite)),
    ...summary("fsynctime", subject.syncMs),
    ...summary("sync_processor_batch_size", stats.entriesPerSync),
    // Java's pauses are our event loop's.
    ...summary("jvm_pause_time_ms", subject.loopLagMs),
  ];
}

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
): Totals {
  const wanted = all.filter(([type]) => isWanted(type)).map(([, histogram]) => histogram);
  return {
    sum: wanted.reduce((total, { sum }) => total + sum, 0),
    count: wanted.reduce((total, { count }) => total + count, 0),
    max: wanted.reduce((greatest, { max }) => Math.max(greatest, max), 0),
  };
}

type Totals = Pick<Histogram, "sum" | "count" | "max">;

function summary(name: string, { sum, count, max }: Totals): readonly (readonly [key: string, value: number])[] {
  return [
    [`avg_${name}`, count === 0 ? 0 : Number((sum / count).toFixed(4))],
    [`max_${name}`, Math.round(max)],
    [`cnt_${name}`, count],
    [`sum_${name}`, Math.round(sum)],
  ];
}
