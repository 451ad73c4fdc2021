/** Every bound of the server, in one place. Nothing it holds for somebody else grows without one of these. */
export interface Limits {
  /** Longest frame let in, bytes; the reference's jute.maxbuffer. */
  readonly maxFrameBytes: number;
  /** Connections at once; the next is closed at accept. */
  readonly maxConnections: number;
  /** Connections at once from one address; 0 is no limit of its own. */
  readonly maxConnectionsPerAddress: number;
  /** Requests of one connection that wait for their turn; above it the connection is not read. */
  readonly maxPendingRequestsPerConnection: number;
  /** Writes proposed and not yet durable; above it no connection is read until some are. */
  readonly maxProposedEntries: number;
  /** Replies of one connection that the operating system has not taken, bytes; above it its requests wait. */
  readonly softUnsentBytes: number;
  /** The same; above it the connection is cut off (only events can bring it there). */
  readonly hardUnsentBytes: number;
  /** How long a connection may leave replies untaken, ms, before it is cut off. */
  readonly stuckOutputMs: number;
  /** How long a connection may take to send its connect request, ms. */
  readonly handshakeMs: number;
  /** Watches that one connection may set, paths. */
  readonly maxWatchesPerConnection: number;
  /** Identities that one connection may collect by auth. */
  readonly maxIdentitiesPerConnection: number;
  /** Entries applied between two snapshots (the next is taken somewhere in the upper half). */
  readonly snapshotEntries: number;
  /** Bytes logged between two snapshots. */
  readonly snapshotLogBytes: number;
}

/** The limits of a server that nobody has tuned. */
export const defaultLimits: Limits = {
  maxFrameBytes: 0xfffff,
  maxConnections: 20_000,
  maxConnectionsPerAddress: 0,
  maxPendingRequestsPerConnection: 1_000,
  maxProposedEntries: 10_000,
  softUnsentBytes: 1 << 20,
  hardUnsentBytes: 16 << 20,
  stuckOutputMs: 60_000,
  handshakeMs: 10_000,
  maxWatchesPerConnection: 500_000,
  maxIdentitiesPerConnection: 100,
  snapshotEntries: 100_000,
  snapshotLogBytes: 256 << 20,
};
