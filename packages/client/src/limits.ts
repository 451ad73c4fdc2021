/** Every bound of the client, in one place. Sizes in bytes, times in milliseconds. */
export const limits = {
  /** Longest request: header, path, data and ACL together. The server's own default; it cuts off whoever sends more. */
  requestBytes: 1_048_575,
  /** Longest response. Servers do not bound theirs (a list of 10^5 children is several MB), so this is generous. */
  responseBytes: 64 * 1024 * 1024,
  /** What the data of one node may decompress to. */
  decompressedBytes: 64 * 1024 * 1024,
  /** Requests waiting for a connection or for an answer. */
  requests: 65_536,
  /** Their bytes, all together. */
  requestsBytes: 64 * 1024 * 1024,
  /** Watchers registered and not yet called. */
  watchers: 1_000_000,
  /** Path text in one setWatches packet, so that re-arming never meets the server's frame limit. */
  setWatchesPathBytes: 128 * 1024,
  /** Longest wait for a connection to open, and again for the handshake to be answered, before the next host is tried. */
  attemptMs: 10_000,
  /** The same, at least, however many hosts share the session timeout. */
  attemptMsMin: 500,
  /** Longest wait for the answer to a four-letter word. */
  fourLetterWordMs: 5_000,
  /** Longest such answer that is listened to. */
  fourLetterWordBytes: 64 * 1024,
  /** A service's records in DNS are looked up again when they are older than this and a connection is needed. */
  rediscoverMs: 5_000,
  /** A host that refuses is not asked more often why. */
  refusalInquiryMs: 2_000,
  /** First pause in the search for a server that takes writes; doubles from round to round. */
  readWriteSearchMs: 100,
  /** Longest such pause. */
  readWriteSearchMsMax: 60_000,
  /** How often, connection by connection, the servers are asked what they are, before that is left open. */
  serverQuestions: 3,
  /** How long `close()` waits for the server to confirm. */
  closeMs: 3_000,
  /** How long `close()` tries to get a connection back, so that the session does not linger on the server. */
  closeUnconnectedMs: 1_000,
  /** First back-off between attempts, once every host has been tried; doubles from round to round. */
  backoffMs: 50,
  /** Longest back-off between attempts. */
  backoffMsMax: 1_000,
  /** A connection that lived this long was a good one; one that did not counts as a failed attempt. */
  stableMs: 2_000,
  /** After so many silent refusals in a row the log says so (at least; twice the number of hosts). */
  refusalsToWarn: 5,
  /** After so many, without a session, the client gives up what it has seen and takes the servers' data as it is. */
  refusalsToStartOver: 10,
  /** Requests of one recursive delete at a time. */
  deletesAtOnce: 64,
  /** Nodes of an observed tree that are read at a time. */
  treeReadsAtOnce: 128,
  /** How often a recursive delete begins again because somebody adds children. */
  deleteRounds: 20,
  /** How often a read that must not be older than a zxid asks a server to catch up. */
  catchUps: 10,
  /** First pause before something that was interrupted is tried again; doubles from time to time. */
  insistMs: 5,
  /** Longest such pause. */
  insistMsMax: 1_000,
  /** A timer later than this means that the program stood still and could not have heard the server. */
  lateTimerMs: 50,
} as const;

/** Part of the session timeout that is not believed in, for clocks that run at different speeds. */
export const driftFraction = 0.01;

/** Part of the session timeout within which a follower of Apache's has reported to its leader: half a tick, at most. */
export const reportFraction = 0.25;
