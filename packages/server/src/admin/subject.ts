/** What those look at who look after a server: four-letter words, the admin port, metrics. */
import type { Clock, Machine } from "@corral/io";
import type { AuditLog } from "../audit/audit-log.ts";
import type { ServerConfig } from "../config.ts";
import type { Maintenance } from "../maintenance.ts";
import type { TlsFacts } from "../net/certificates.ts";
import type { ClientPort } from "../net/client-port.ts";
import type { Reloaded } from "../net/secure-listener.ts";
import type { StartupCost } from "../recover-directory.ts";
import type { Histogram } from "../replica/latencies.ts";
import type { Replica } from "../replica.ts";
import type { DirectorySizes } from "../storage/storage.ts";
import type { AdminWitness } from "./admin-witness.ts";

/** A running server, to look at. Only `stat_reset` and its kin, the trace mask, `maintenance` and certificates change anything. */
export interface Subject {
  readonly config: ServerConfig;
  readonly replica: Replica;
  readonly clientPort: Pick<
    ClientPort,
    | "refusedTotal"
    | "cutOffTotal"
    | "silentTotal"
    | "undecodedBytes"
    | "receivedBytesTotal"
    | "sentBytesTotal"
    | "largeRequestBytes"
    | "newcomers"
    | "waitingCount"
  >;
  /** TLS, if it is spoken. */
  readonly secure: TlsFacts | undefined;
  /** Reads all certificates again; one outcome for each that differs. */
  reloadCertificates(): readonly Reloaded[];
  /** Who was turned away by the admin port. */
  readonly adminWitness: Pick<AdminWitness, "unauthorizedTotal" | "refusedTotal">;
  /** Connections to the admin port. */
  adminConnections(): number;
  /** The audit log, if there is one. */
  readonly audit: Pick<AuditLog, "recordsTotal" | "lostTotal" | "isFailing" | "waitingBytes"> | undefined;
  readonly clock: Clock;
  readonly machine: Machine;
  /** The port for clients, as bound; undefined if it is not opened. */
  readonly boundPort: number | undefined;
  /** The port for clients that speaks nothing but TLS, as bound; undefined if there is none. */
  readonly boundSecurePort: number | undefined;
  /** When the server began to serve, elapsed ms. */
  readonly startedMs: number;
  /** What the start took. Undefined in memory. */
  readonly startup: StartupCost | undefined;
  readonly maintenance: Pick<Maintenance, "takeSnapshot" | "restore" | "raiseEpoch">;
  /** Bytes of the data directory. In memory: zeros. */
  directorySizes(): Promise<DirectorySizes>;
  /** Bytes free on its disk, as of the last look; undefined where nobody looks. */
  diskFreeBytes(): number | undefined;
  /** How long syncs of the log took, ms. */
  readonly syncMs: Histogram;
  /** How late timers ran, ms: how long the event loop kept others waiting. Empty while nobody can see it. */
  readonly loopLagMs: Histogram;
  /** As `stmk` sets it. Nothing is traced by it; it is kept because tools ask for it. */
  traceMask: bigint;
}

/** What the reference starts with: client requests, server packets, sessions, warnings. */
export const initialTraceMask = 306n;

/** What stands where a server that does not serve would have to answer. */
export const notServing = "This ZooKeeper instance is not currently serving requests";
