/**
 * The bounds that whoever runs a server may want to be others. What it holds for one connection, what it holds for all of them
 * together, and all writes under way have a bound each. The least is 1, but where the text says what 0 is.
 *
 * Other bounds stand, as constants, where they are used, for nobody gains by changing them:
 * - what is done in one go of work that may be long: net/client-port.ts, replica.ts, replica/reaper.ts;
 * - what is kept though it could be made again: replica/child-lists.ts, replica/quota-log.ts, repeated-warning.ts;
 * - how slowly a large request may come while others wait for its room: net/large-requests.ts;
 * - how long who is told to go, or has to take a last answer or the last lines, may be slow: net/client-port.ts, command/main.ts,
 *   command/log-output.ts, http-server.ts of @corral/io;
 * - how long a disk that hangs holds up the end: audit/audit-file.ts, command/main.ts;
 * - how long a request to the admin port may take to arrive: admin/admin-port.ts, and http-server.ts of @corral/io;
 * - lines of the log that its reader has not taken: command/fail.ts;
 * - what is the same on all servers, as it decides what a write does, or follows from a format: state/, storage/.
 */
export interface Limits {
  /** Longest frame let in, bytes, 1024 … 33554432 (32 MiB); the reference's jute.maxbuffer. */
  readonly maxFrameBytes: number;
  /** Connections at once; the next is closed at accept. */
  readonly maxConnections: number;
  /** Connections at once from one address; 0 is no limit of its own. */
  readonly maxConnectionsPerAddress: number;
  /** New connections that may come at once; more are refused until some time has passed. 0 is no limit. */
  readonly connectionBurst: number;
  /** After how long, ms, `connectionRefillCount` more may come. */
  readonly connectionRefillMs: number;
  /** How many new connections each `connectionRefillMs` makes room for. */
  readonly connectionRefillCount: number;
  /** Sessions at once; the next is refused by closing its connection. */
  readonly maxSessions: number;
  /** Requests of one connection that wait for their turn; above it the connection is not read. */
  readonly maxPendingRequestsPerConnection: number;
  /** The same in bytes. */
  readonly maxPendingBytesPerConnection: number;
  /** Requests of all connections that wait, bytes; above it no connection of which some wait is read. */
  readonly maxPendingBytes: number;
  /** The same in requests. */
  readonly maxPendingRequests: number;
  /** Requests taken up in one turn of the event loop, or parts, replies and events of writes applied in one; who has more takes turns. */
  readonly maxTurnRequests: number;
  /** Bytes taken up and answered in one turn of the event loop, of all connections, or of writes applied in one; the same. */
  readonly maxTurnBytes: number;
  /** From which length on a request is large, bytes. */
  readonly largeRequestBytes: number;
  /** Large requests that are arriving, bytes, half of it for one address; the next waits, unread, and who dawdles meanwhile is cut off. */
  readonly maxLargeRequestBytes: number;
  /** Writes proposed and not yet applied; above it no connection is read until no more than half of it is left. */
  readonly maxProposedEntries: number;
  /** The same in bytes. */
  readonly maxProposedBytes: number;
  /** How long the oldest write may wait to be applied, ms, before more are refused with ThrottledOp; 0 is for ever. */
  readonly writeWaitMs: number;
  /** Longest list of names, and most that several reads at once may come to, bytes; more is refused with SystemError. */
  readonly maxResponseBytes: number;
  /** Replies of one connection that the operating system has not taken, bytes; above it its requests wait. */
  readonly softUnsentBytes: number;
  /** The same; above it the connection is cut off. At least what one answer and the softer bound come to. */
  readonly hardUnsentBytes: number;
  /** Replies of all connections that the system has not taken, bytes; above it no connection that has such is answered. */
  readonly maxUnsentBytes: number;
  /** How long a connection may take nothing of the replies that wait for it, ms, before it is cut off. */
  readonly stuckOutputMs: number;
  /** How long a connection may take to send its connect request, ms. */
  readonly handshakeMs: number;
  /** TLS handshakes under way; the next is refused. As many more may be silent at ports with TLS; then the oldest of them goes. */
  readonly maxHandshakes: number;
  /** Connections to the admin port at once; the next makes the one go that has stood still for longest: has asked for nothing, or for two minutes or more has taken nothing of its answer (or less than 12 kB/s of a long one); or is closed if there is none. */
  readonly maxAdminConnections: number;
  /** Watches that one connection may set, paths. */
  readonly maxWatchesPerConnection: number;
  /** The text of their paths, in UTF-16 code units. */
  readonly maxWatchedTextPerConnection: number;
  /** Watches of all connections, paths; who sets the next is disconnected. */
  readonly maxWatches: number;
  /** Identities that one connection may have, 10,000 at most, its address and its certificate among them; all of them go into each of its log entries. Who claims more by auth is disconnected. */
  readonly maxIdentitiesPerConnection: number;
  /** The text of all of them together, in UTF-16 code units, 16777216 at most. */
  readonly maxIdentityTextPerConnection: number;
  /** UTF-16 code units of a path that is created (with its sequence number) or watched, 16000 at most; a longer one gets BadArguments. */
  readonly maxPathLength: number;
  /** Entries of an access list; more get InvalidACL, as do lists over `maxFrameBytes`, and those to which `auth` adds very much (below). */
  readonly maxAclEntries: number;
  /** Entries applied between two snapshots, or twice as many as there are nodes if they are more (the next is taken somewhere in the upper half, and not before ten times as long has passed as the last one took). Where hardly anybody writes any more, an eighth of `snapshotEntries` is enough, or of as many as there are nodes if they are more. */
  readonly snapshotEntries: number;
  /** Bytes that the log grows by between two snapshots, with what is left free in it where few write at once: then the next one does not wait for anything. 0: `snapshotEntries` alone counts. */
  readonly snapshotLogBytes: number;
  /** Below so many free bytes on the data directory's disk clients' writes are refused, until twice as many are free; 0: never. */
  readonly minFreeDiskBytes: number;
  /** Lines of the audit log that wait for their disk, bytes, and those of one write; above half of it writes wait. */
  readonly maxAuditBytes: number;
  /** Longest snapshot that restore takes, bytes; it is held in memory until it is in the log. */
  readonly maxRestoreBytes: number;
}

/**
 * The most that `maxFrameBytes` may be. A node whose path and data are of one such frame, and whose access list of another, is a piece
 * of a snapshot, which the log must be able to hold together with what goes with it.
 */
export const maxFrameBytesMax = 32 << 20;

/** The most that `maxIdentitiesPerConnection` may be: an entry of the log has all of them. */
export const maxIdentitiesMax = 10_000;

/** The most that `maxIdentityTextPerConnection` may be, for the same reason. */
export const maxIdentityTextMax = 16 << 20;

/** The most that `maxPathLength` may be: below `longestHashedText`, 16,383, see state/long-text.ts; V8 makes poor keys of longer texts. */
export const maxPathLengthMax = 16_000;

/** The limits of a server that nobody has tuned. */
export const defaultLimits: Limits = {
  maxFrameBytes: 0xfffff,
  maxConnections: 20_000,
  maxConnectionsPerAddress: 0,
  connectionBurst: 0,
  connectionRefillMs: 1,
  connectionRefillCount: 1,
  maxSessions: 200_000,
  maxPendingRequestsPerConnection: 1_000,
  maxPendingBytesPerConnection: 4 << 20,
  maxPendingBytes: 256 << 20,
  maxPendingRequests: 100_000,
  maxTurnRequests: 10_000,
  maxTurnBytes: 8 << 20,
  largeRequestBytes: 64 << 10,
  maxLargeRequestBytes: 256 << 20,
  maxProposedEntries: 10_000,
  maxProposedBytes: 64 << 20,
  writeWaitMs: 0,
  maxResponseBytes: 32 << 20,
  softUnsentBytes: 1 << 20,
  hardUnsentBytes: 64 << 20,
  maxUnsentBytes: 64 << 20,
  stuckOutputMs: 60_000,
  handshakeMs: 10_000,
  maxHandshakes: 2_000,
  maxAdminConnections: 200,
  maxWatchesPerConnection: 500_000,
  maxWatchedTextPerConnection: 16 << 20,
  maxWatches: 2_000_000,
  maxIdentitiesPerConnection: 100,
  maxIdentityTextPerConnection: 64 << 10,
  maxPathLength: 8_192,
  maxAclEntries: 1_000,
  snapshotEntries: 100_000,
  snapshotLogBytes: 256 << 20,
  minFreeDiskBytes: 128 << 20,
  maxAuditBytes: 16 << 20,
  maxRestoreBytes: 512 << 20,
};

/** Those of which 0 has a meaning of its own; any other that is 0 would stop what it bounds. */
export const zeroLimits: ReadonlySet<keyof Limits> = new Set([
  "maxConnectionsPerAddress",
  "connectionBurst",
  "writeWaitMs",
  "snapshotLogBytes",
  "minFreeDiskBytes",
]);
