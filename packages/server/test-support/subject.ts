/** A replica under a harness as those see it who look after servers. */
import { initialTraceMask, type Subject } from "../src/admin/subject.ts";
import { parseConfig, type ServerSettings } from "../src/config.ts";
import { Histogram } from "../src/replica/latencies.ts";
import type { ReplicaHarness } from "./replica-harness.ts";

/** Begin of the wall clock of a harness, ms. */
const epochMs = 1_000_000;

/** The harness's replica, on a machine that never changes. */
export function subjectOf(harness: ReplicaHarness, settings: ServerSettings = { fourLetterWords: ["*"] }): Subject {
  return {
    config: parseConfig(settings),
    replica: harness.replica,
    clientPort: {
      refusedTotal: 1,
      cutOffTotal: 2,
      silentTotal: 1,
      undecodedBytes: 0,
      receivedBytesTotal: 300,
      sentBytesTotal: 400,
      largeRequestBytes: 500,
      newcomers: 6,
      waitingCount: 7,
    },
    secure: { handshakes: 1, refusedTotal: 2, expiresMs: 4_000_000_000_000, reloadFailuresTotal: 0, warnings: [] },
    reloadCertificates: () => [],
    adminWitness: { unauthorizedTotal: 8, refusedTotal: 9 },
    adminConnections: () => 3,
    audit: { recordsTotal: 5, lostTotal: 2, isFailing: false, waitingBytes: 70 },
    clock: {
      wallMs: () => epochMs + harness.nowMs,
      elapsedMs: () => harness.nowMs,
      setTimer: () => ({ cancel: () => undefined }),
    },
    machine: {
      facts: () => ({
        hostName: "box",
        runtime: "Node.js v20.19.0",
        osName: "Linux",
        osVersion: "6.1",
        architecture: "x64",
        userName: "corral",
        homeDirectory: "/home/corral",
        workingDirectory: "/srv",
        processId: 42,
        residentBytes: 90 << 20,
        heapUsedBytes: 30 << 20,
        heapLimitBytes: 2_000 << 20,
      }),
      files: () => Promise.resolve({ open: 33, limit: 1_024 }),
    },
    boundPort: 2181,
    boundSecurePort: undefined,
    startedMs: 0,
    startup: { tookMs: 75.4, snapshotMs: 30, logMs: 40, entries: 5 },
    maintenance: {
      takeSnapshot: () => Promise.reject(new Error("a harness has no disk")),
      restore: () => Promise.reject(new Error("a harness has no disk")),
      raiseEpoch: (epoch) => Promise.resolve(epoch),
    },
    directorySizes: () => Promise.resolve({ logBytes: 1_000, snapshotBytes: 200 }),
    diskFreeBytes: () => 5_000,
    syncMs: new Histogram(),
    loopLagMs: new Histogram(),
    traceMask: initialTraceMask,
  };
}
