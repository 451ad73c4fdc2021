/** How near the server is to each of its limits. */
import type { Limits } from "../limits.ts";
import type { Connection } from "../replica/connection.ts";
import type { Subject } from "./subject.ts";

type Measure = (subject: Subject) => number;

const most =
  (measure: (connection: Connection) => number): Measure =>
  ({ replica }) => {
    let greatest = 0;
    for (const connection of replica.connections) greatest = Math.max(greatest, measure(connection));
    return greatest;
  };

function mostFromOneAddress({ replica }: Subject): number {
  const byAddress = new Map<string, number>();
  let greatest = 0;
  for (const { remote } of replica.connections) {
    const count = (byAddress.get(remote.host) ?? 0) + 1;
    byAddress.set(remote.host, count);
    greatest = Math.max(greatest, count);
  }
  return greatest;
}

const sum =
  (measure: (connection: Connection) => number): Measure =>
  ({ replica }) => {
    let all = 0;
    for (const connection of replica.connections) all += measure(connection);
    return all;
  };

/** It bounds a single thing, such as a frame or a turn, and is never partly used. */
const ofOneThing = undefined;

/** What is used of each limit. */
const measures: Readonly<Record<keyof Limits, Measure | typeof ofOneThing>> = {
  maxFrameBytes: ofOneThing,
  maxResponseBytes: ofOneThing,
  maxRestoreBytes: ofOneThing,
  minFreeDiskBytes: ofOneThing,
  largeRequestBytes: ofOneThing,
  handshakeMs: ofOneThing,
  stuckOutputMs: ofOneThing,
  connectionRefillMs: ofOneThing,
  connectionRefillCount: ofOneThing,
  maxTurnRequests: ofOneThing,
  maxTurnBytes: ofOneThing,
  maxPathLength: ofOneThing,
  maxAclEntries: ofOneThing,
  connectionBurst: ({ clientPort }) => clientPort.newcomers,
  maxPendingBytes: sum(({ queue }) => queue.bytes),
  maxPendingRequests: sum(({ queue }) => queue.length),
  maxUnsentBytes: sum(({ pendingOutput }) => pendingOutput),
  maxLargeRequestBytes: ({ clientPort }) => clientPort.largeRequestBytes,
  maxHandshakes: ({ secure }) => secure?.handshakes ?? 0,
  maxAdminConnections: (subject) => subject.adminConnections(),
  maxAuditBytes: ({ audit }) => audit?.waitingBytes ?? 0,
  writeWaitMs: ({ replica }) => replica.oldestWaitMs,
  maxWatches: ({ replica }) => replica.watchCount,
  maxConnections: ({ replica }) => replica.connectionCount,
  maxConnectionsPerAddress: mostFromOneAddress,
  maxSessions: ({ replica }) => replica.state.sessions.size,
  maxPendingRequestsPerConnection: most(({ queue }) => queue.length),
  maxPendingBytesPerConnection: most(({ queue }) => queue.bytes),
  maxProposedEntries: ({ replica }) => replica.outstanding,
  maxProposedBytes: ({ replica }) => replica.outstandingBytes,
  softUnsentBytes: most(({ pendingOutput }) => pendingOutput),
  hardUnsentBytes: most(({ pendingOutput }) => pendingOutput),
  maxWatchesPerConnection: most(({ watchedPaths }) => watchedPaths.size),
  maxWatchedTextPerConnection: most(({ watchedText }) => watchedText),
  maxIdentitiesPerConnection: most(({ identities }) => identities.length),
  maxIdentityTextPerConnection: most(({ identityText }) => identityText),
  snapshotEntries: ({ replica }) => replica.sinceSnapshot.entries,
  snapshotLogBytes: ({ replica }) => replica.sinceSnapshot.bytes,
};

/** What is used of each limit that fills up. */
export function limitsUsed(subject: Subject): readonly (readonly [name: keyof Limits, used: number])[] {
  return (Object.entries(measures) as [keyof Limits, Measure | typeof ofOneThing][]).flatMap(([name, measure]) =>
    measure === undefined ? [] : [[name, measure(subject)]],
  );
}

/** Limits of which reaching them means that somebody is refused: worth a warning before it happens. */
const refusing: readonly (keyof Limits)[] = ["maxConnections", "maxSessions", "maxWatches"];

/** Sentences on those that are nine tenths full. */
export function nearLimits(subject: Subject): readonly string[] {
  const { limits } = subject.config;
  return limitsUsed(subject).flatMap(([name, used]) =>
    refusing.includes(name) && used >= 0.9 * limits[name]
      ? [`${name} is nearly reached: ${used} of ${limits[name]}`]
      : [],
  );
}
