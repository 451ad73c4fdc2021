/**
 * Every metric of the server in one table: its name, what it means, and where its value is read. The core only counts; all of
 * this happens when somebody asks. `registry.ts` turns it into Prometheus's text; a test holds docs/server.md to it.
 */
import { opName } from "@corral/protocol";
import type { Histogram } from "../replica/latencies.ts";
import { epochsLeft } from "../storage/epochs.ts";
import { limitsUsed } from "./limits-used.ts";
import type { Subject } from "./subject.ts";

/** A number, or one for each value of the metric's label. */
export type Reading = number | Iterable<readonly [labelValue: string, number]>;

/** A number that is read from a server. */
export interface NumberMetric {
  /** `counter`: only grows while the server lives. */
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly label?: string;
  readonly read: (subject: Subject) => Reading | Promise<Reading>;
}

/** A distribution that is read from a server. */
export interface HistogramMetric {
  readonly kind: "histogram";
  readonly name: string;
  readonly help: string;
  readonly label?: string;
  /** What its values are multiplied with: 0.001 makes seconds of milliseconds. */
  readonly scale: number;
  readonly read: (subject: Subject) => Iterable<readonly [labelValue: string, Histogram]>;
}

/** One metric. */
export type Metric = NumberMetric | HistogramMetric;

const gauge = (name: string, help: string, read: NumberMetric["read"], label?: string): Metric => ({
  kind: "gauge",
  name: `corral_${name}`,
  help,
  read,
  ...(label !== undefined && { label }),
});
const counter = (name: string, help: string, read: NumberMetric["read"]): Metric => ({
  kind: "counter",
  name: `corral_${name}_total`,
  help,
  read,
});
const histogram = (
  name: string,
  help: string,
  scale: number,
  read: HistogramMetric["read"],
  label?: string,
): Metric => ({ kind: "histogram", name: `corral_${name}`, help, scale, read, ...(label !== undefined && { label }) });

const sumOf = (numbers: Iterable<number>): number => [...numbers].reduce((sum, number) => sum + number, 0);
const connections = ({ replica }: Subject) => [...replica.connections];
const inSeconds = 0.001;

/** All of them, in the order in which they are shown. */
export const metrics: readonly Metric[] = [
  gauge("info", "1; the label says which version this is", ({ replica }) => [[replica.version, 1]], "version"),
  gauge("uptime_seconds", "Since the server began to serve", (s) => (s.clock.elapsedMs() - s.startedMs) * inSeconds),
  gauge(
    "startup_seconds",
    "What the start took: for the snapshot, for the log behind it, and in all",
    ({ startup }) =>
      startup === undefined
        ? []
        : [
            ["snapshot", startup.snapshotMs * inSeconds],
            ["log", startup.logMs * inSeconds],
            ["all", startup.tookMs * inSeconds],
          ],
    "part",
  ),
  gauge("startup_entries", "Entries of the log that the start applied", ({ startup }) => startup?.entries ?? 0),
  gauge("writes_stopped", "1 when writes are refused because the log failed", (s) => Number(s.replica.writesStopped)),
  gauge("disk_low", "1 when clients' writes are refused because the disk is nearly full", (s) =>
    Number(s.replica.diskIsLow),
  ),
  gauge("disk_free_bytes", "Bytes free on the disk of the data directory; nothing where that is not watched", (s) => {
    const free = s.diskFreeBytes();
    return free === undefined ? [] : [["", free]];
  }),
  gauge(
    "epochs_left",
    "Epochs that are left; each start takes one, and without one writes are refused",
    ({ replica }) => epochsLeft(replica.epoch),
  ),
  gauge("last_zxid", "zxid of the newest entry applied", ({ replica }) => replica.state.lastZxid),

  gauge("connections", "Connections that are open", ({ replica }) => replica.connectionCount),
  gauge(
    "connections_not_read",
    "Connections that are not read at present: the server, or their own reading, is behind",
    (s) => connections(s).filter(({ readingPaused }) => readingPaused).length,
  ),
  gauge(
    "connections_waiting",
    "Connections that wait for their turn: they have more to be done than one turn of the event loop may take",
    ({ clientPort }) => clientPort.waitingCount,
  ),
  counter(
    "connections_refused",
    "Connections refused because there were as many as may be, or because too many came at once",
    ({ clientPort }) => clientPort.refusedTotal,
  ),
  counter(
    "connections_cut_off",
    "Connections ended for silence, garbage, or not reading",
    ({ clientPort }) => clientPort.cutOffTotal,
  ),
  counter(
    "connections_closed",
    "Connections ended because of what their clients asked for, or because there was no room for it",
    ({ replica }) => replica.closedTotal,
  ),
  counter("received_bytes", "Bytes from clients", ({ clientPort }) => clientPort.receivedBytesTotal),
  counter("sent_bytes", "Bytes to clients", ({ clientPort }) => clientPort.sentBytesTotal),

  gauge("sessions", "Sessions that exist", ({ replica }) => replica.state.sessions.size),
  counter(
    "sessions_expired",
    "Sessions ended because nothing was heard of them",
    (s) => s.replica.stats.sessionsExpiredTotal,
  ),

  counter("requests", "Requests received, handshakes among them", ({ replica }) => replica.stats.receivedTotal),
  counter("replies", "Replies sent", ({ replica: { stats } }) => stats.sentTotal - stats.eventsTotal),
  counter("watch_events", "Watch events sent", ({ replica }) => replica.stats.eventsTotal),
  counter("bad_requests", "Requests whose body could not be read", ({ replica }) => replica.stats.badRequestsTotal),
  counter("throttled_requests", "Writes refused with ThrottledOp", ({ replica }) => replica.stats.throttledTotal),
  counter("auth_failures", "Failed authentications", ({ replica }) => replica.stats.authFailuresTotal),
  histogram(
    "request_seconds",
    "From the arrival of a request to its reply, by operation; what is answered in the turn in which it came counts as 0",
    inSeconds,
    ({ replica }) =>
      replica.stats.latencies.map(([type, latency]) => [(type !== undefined && opName(type)) || "unknown", latency]),
    "operation",
  ),

  gauge("queued_requests", "Requests of all connections that wait for their turn", (s) =>
    sumOf(connections(s).map(({ queue }) => queue.length)),
  ),
  gauge("queued_request_bytes", "Bytes of these requests", (s) =>
    sumOf(connections(s).map(({ queue }) => queue.bytes)),
  ),
  gauge(
    "undecoded_bytes",
    "Bytes of requests of which the rest is still to come, and of those that wait for their connection's turn",
    ({ clientPort }) => clientPort.undecodedBytes,
  ),
  gauge("unsent_bytes", "Output of all connections that the operating system has not taken", (s) =>
    sumOf(connections(s).map(({ pendingOutput }) => pendingOutput)),
  ),
  gauge("proposed_entries", "Writes proposed and not yet applied", ({ replica }) => replica.outstanding),
  gauge("proposed_bytes", "Bytes of these writes", ({ replica }) => replica.outstandingBytes),

  histogram("log_sync_seconds", "Time of each fdatasync of the log", inSeconds, ({ syncMs }) => [["", syncMs]]),
  histogram("log_sync_entries", "Writes that became durable together", 1, ({ replica }) => [
    ["", replica.stats.entriesPerSync],
  ]),
  histogram(
    "event_loop_lag_seconds",
    "How late timers ran, measured ten times a second",
    inSeconds,
    ({ loopLagMs }) => [["", loopLagMs]],
  ),

  gauge(
    "znodes",
    "Nodes of the tree, the root counted twice as the reference does",
    (s) => s.replica.state.tree.nodeCount,
  ),
  gauge("ephemerals", "Ephemeral nodes", ({ replica }) => replica.state.tree.ephemeralCount),
  gauge("data_bytes", "Bytes of paths and data", ({ replica }) => replica.state.tree.approximateDataBytes),
  gauge("watches", "Watches: pairs of a path and a connection", ({ replica }) => replica.watches.size),
  gauge("watched_paths", "Paths that are watched", ({ replica }) => replica.watches.pathCount),
  gauge("recursive_watches", "Watches that are recursive", ({ replica }) => replica.watches.recursiveCount),

  counter("tls_refused", "Connections that did not get through the TLS handshake", (s) => s.secure?.refusedTotal ?? 0),
  counter(
    "tls_reload_failures",
    "New certificates that could not be used, so that the ones before stay",
    (s) => s.secure?.reloadFailuresTotal ?? 0,
  ),
  gauge("tls_certificate_expiry_timestamp_seconds", "When the server's certificate ends", ({ secure }) =>
    secure === undefined ? [] : [["", secure.expiresMs * inSeconds]],
  ),

  counter(
    "admin_unauthorized",
    "Requests on the admin port without the admin token, or with a wrong one",
    ({ adminWitness }) => adminWitness.unauthorizedTotal,
  ),
  counter(
    "admin_refused",
    "Connections to the admin port closed because of their number",
    ({ adminWitness }) => adminWitness.refusedTotal,
  ),
  counter("audit_records", "Lines of the audit log", ({ audit }) => audit?.recordsTotal ?? 0),
  counter("audit_lost", "Lines of the audit log that were lost", ({ audit }) => audit?.lostTotal ?? 0),
  gauge("audit_failing", "1 when the audit log cannot be written", ({ audit }) => Number(audit?.isFailing ?? false)),

  counter("snapshots", "Snapshots written", ({ replica }) => replica.stats.snapshotsTotal),
  counter("snapshot_failures", "Snapshots that failed or were given up", (s) => s.replica.stats.snapshotFailuresTotal),
  gauge("last_snapshot_seconds", "How long the last snapshot took", ({ replica: { stats } }) =>
    stats.snapshotsTotal === 0 ? [] : [["", stats.lastSnapshotMs * inSeconds]],
  ),
  gauge("last_snapshot_timestamp_seconds", "When it was written", ({ replica: { stats } }) =>
    stats.snapshotsTotal === 0 ? [] : [["", stats.lastSnapshotAtMs * inSeconds]],
  ),
  gauge("log_bytes", "Size of the log's files", async (s) => (await s.directorySizes()).logBytes),
  gauge("snapshot_bytes", "Size of the snapshots", async (s) => (await s.directorySizes()).snapshotBytes),

  gauge("limit", "A limit, as configured, by name", ({ config }) => Object.entries(config.limits), "limit"),
  gauge(
    "limit_used",
    "How much of the limit is used; of limits that hold for each connection, by the one that uses most",
    (s) => limitsUsed(s),
    "limit",
  ),

  gauge("resident_memory_bytes", "Resident memory of the process", ({ machine }) => machine.facts().residentBytes),
  gauge("heap_used_bytes", "Heap in use", ({ machine }) => machine.facts().heapUsedBytes),
  gauge("heap_limit_bytes", "What the heap may grow to", ({ machine }) => machine.facts().heapLimitBytes),
  gauge("open_files", "Open files, sockets included", async ({ machine }) => {
    const files = await machine.files();
    return files === undefined ? [] : [["", files.open]];
  }),
  gauge("open_files_limit", "How many files may be open", async ({ machine }) => {
    const limit = (await machine.files())?.limit;
    return limit === undefined ? [] : [["", limit]];
  }),
];
