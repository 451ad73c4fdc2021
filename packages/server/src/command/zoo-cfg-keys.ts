/**
 * The keys of `zoo.cfg`, all that Apache ZooKeeper 3.9 knows, and what becomes of each here. Apache makes a system property
 * `zookeeper.KEY` of every key that its parser does not know; those stand here as they are written in the file.
 */
import { maxFrameBytesMax } from "../limits.ts";

/** How the value of a key that is a setting is read. */
export type SettingKind =
  | "number"
  | "text"
  | "lower case"
  | "boolean"
  | "words"
  | "kibibytes"
  | "TLS versions"
  | "address to listen on";

/** What becomes of a key. */
export type ZooCfgKey =
  /** It is a setting of this server: the name, limits with a dot, and how its value is read. */
  | {
      readonly setting: string;
      readonly as: SettingKind;
      readonly unless?: string;
      /** What numbers below 1 are, where Apache gives them a meaning that they do not have here: another number, or as if not given. */
      readonly below1?: number | "not given";
      /** What is to be said of numbers below 1 where another key has a number above 0; otherwise they mean nothing to Apache either. */
      readonly below1Warning?: { readonly with: string; readonly text: string };
      /** The most that can be had; of more it is this. */
      readonly most?: number;
      /** What the setting is if the key's value is `true`. */
      readonly ifTrue?: string;
    }
  /** It says what is so anyway, or speaks of what is inside Apache's server: nothing is lost without it. */
  | { readonly needless: string }
  /** It asks for something that this server does not do, `unless` it has such a value: started without it, the operator is told. */
  | { readonly missing: string; readonly unless?: RegExp }
  /** Started without it, the server would be something else than what was asked for: it is not started. */
  | { readonly refused: string; readonly unless?: string };

const setting = (name: string, as: SettingKind = "number", unless?: string): ZooCfgKey => ({
  setting: name,
  as,
  ...(unless !== undefined && { unless }),
});

/** A number; see `below1` for the rest. */
const bound = (name: string, below1: number | "not given", as: "number" | "kibibytes" = "number"): ZooCfgKey => ({
  setting: name,
  as,
  below1,
});

/** Below 1 no token would ever come back, which nobody can mean; without tokens it means nothing. */
const refill = (name: string): ZooCfgKey => ({
  setting: name,
  as: "number",
  below1: "not given",
  below1Warning: { with: "connection_throttle_tokens", text: "must be at least 1 to let anybody in again" },
});

const ensemble: ZooCfgKey = { needless: "for ensembles only" };
const inside: ZooCfgKey = { needless: "tunes the inside of Apache's server" };
const ifTrue = (name: string, value: string): ZooCfgKey => ({
  setting: name,
  as: "boolean",
  unless: "false",
  ifTrue: value,
});
const store: ZooCfgKey = { refused: "only PEM files are read; convert the store, and say PEM here", unless: "pem" };
const sasl: ZooCfgKey = { missing: "SASL is with the users of saslUsers, without Kerberos and JAAS" };
const throttle: ZooCfgKey = {
  missing: "new connections are refused when limits.connectionBurst is used up, never by chance",
};

/** Keys by their name. */
export const zooCfgKeys: Readonly<Record<string, ZooCfgKey>> = {
  // What Apache's parser knows.
  clientPort: setting("clientPort"),
  clientPortAddress: setting("host", "address to listen on"),
  clientPortListenBacklog: { needless: "the system's backlog is used" },
  dataDir: setting("dataDir", "text"),
  dataLogDir: { missing: "log and snapshots stand together in dataDir" },
  tickTime: setting("tickMs"),
  minSessionTimeout: setting("minSessionTimeoutMs", "number", "-1"),
  maxSessionTimeout: setting("maxSessionTimeoutMs", "number", "-1"),
  maxClientCnxns: bound("limits.maxConnectionsPerAddress", 0),
  secureClientPort: setting("secureClientPort"),
  secureClientPortAddress: setting("secureHost", "address to listen on"),
  observerMasterPort: ensemble,
  initLimit: ensemble,
  syncLimit: ensemble,
  connectToLearnerMasterLimit: ensemble,
  electionAlg: ensemble,
  quorumListenOnAllIPs: ensemble,
  peerType: { refused: "there are no observers yet; take the line out", unless: "participant" },
  syncEnabled: ensemble,
  dynamicConfigFile: { refused: "there is no ensemble yet; take the line out, and this server runs alone" },
  standaloneEnabled: ensemble,
  reconfigEnabled: setting("reconfigEnabled", "boolean"),
  localSessionsEnabled: ensemble,
  localSessionsUpgradingEnabled: ensemble,
  "autopurge.snapRetainCount": { needless: "the last three snapshots are kept" },
  "autopurge.purgeInterval": { needless: "old files go after each snapshot" },
  "jvm.pause.monitor": { needless: "the event loop's lag is measured instead" },
  "jvm.pause.sleep.time.ms": inside,
  "jvm.pause.info-threshold.ms": inside,
  "jvm.pause.warn-threshold.ms": inside,
  "metricsProvider.className": { missing: "metrics are on the admin port: see adminPort" },
  portUnification: ensemble,
  "client.portUnification": setting("tlsOnClientPort", "boolean"),
  "ssl.keyStore.location": setting("tlsCertFile", "text"),
  "ssl.keyStore.password": setting("tlsKeyPassword", "text"),
  "ssl.keyStore.passwordPath": { refused: "give the password as ssl.keyStore.password or CORRAL_TLS_KEY_PASSWORD" },
  "ssl.keyStore.type": store,
  "ssl.trustStore.location": setting("tlsCaFile", "text"),
  "ssl.trustStore.password": { needless: "a PEM file of certificates has no password" },
  "ssl.trustStore.passwordPath": { needless: "a PEM file of certificates has no password" },
  "ssl.trustStore.type": store,
  "ssl.clientAuth": setting("tlsClientAuth", "lower case"),
  "ssl.enabledProtocols": setting("tlsMinVersion", "TLS versions"),
  "ssl.protocol": setting("tlsMinVersion", "TLS versions"),
  "ssl.ciphersuites": { missing: "name ciphers as OpenSSL does with tlsCiphers" },
  "ssl.handshakeDetectionTimeoutMillis": bound("limits.handshakeMs", "not given"),
  "ssl.hostnameVerification": { needless: "clients' names are not looked up" },
  "ssl.clientHostnameVerification": { needless: "clients' names are not looked up" },
  "ssl.sslProvider": inside,
  "client.certReload": { needless: "new certificates are found by themselves" },
  "ssl.crl": { refused: "revocation is not looked up; take the line out", unless: "false" },
  "ssl.ocsp": { refused: "revocation is not looked up; take the line out", unless: "false" },
  sslQuorum: ensemble,
  sslQuorumReloadCertFiles: ensemble,
  oraclePath: ensemble,
  "multiAddress.enabled": ensemble,
  "multiAddress.reachabilityCheckEnabled": ensemble,
  "multiAddress.reachabilityCheckTimeoutMs": ensemble,
  "quorum.auth.enableSasl": ensemble,
  "quorum.auth.learnerRequireSasl": ensemble,
  "quorum.auth.serverRequireSasl": ensemble,
  "quorum.auth.learner.saslLoginContext": ensemble,
  "quorum.auth.server.saslLoginContext": ensemble,
  "quorum.auth.kerberos.servicePrincipal": ensemble,
  "quorum.cnxn.threads.size": ensemble,

  // System properties: what clients see of the server.
  "4lw.commands.whitelist": setting("fourLetterWords", "words"),
  "admin.enableServer": { needless: "the admin port is open when admin.serverPort is given" },
  "admin.serverPort": setting("adminPort"),
  "admin.serverAddress": setting("adminHost", "address to listen on"),
  "admin.commandURL": { missing: "commands are at /commands" },
  "admin.idleTimeout": inside,
  "admin.httpVersion": inside,
  "admin.portUnification": ifTrue("adminTls", "both"),
  "admin.forceHttps": ifTrue("adminTls", "only"),
  "admin.needClientAuth": ifTrue("adminTlsClientAuth", "need"),
  // Apache's admin server shows what its quorum's ports show.
  "ssl.quorum.keyStore.location": setting("adminTlsCertFile", "text"),
  "ssl.quorum.keyStore.password": setting("adminTlsKeyPassword", "text"),
  "ssl.quorum.trustStore.location": setting("adminTlsCaFile", "text"),
  "admin.rateLimiterIntervalInMS": { missing: "snapshot and restore over HTTP are not rationed" },
  "admin.snapshot.enabled": { missing: "snapshot over HTTP is there where CORRAL_ADMIN_TOKEN is set" },
  "admin.restore.enabled": { missing: "restore over HTTP is there where CORRAL_ADMIN_TOKEN is set" },
  "DigestAuthenticationProvider.superDigest": setting("superDigest", "text"),
  "DigestAuthenticationProvider.enabled": { missing: "digest authentication is always there" },
  "DigestAuthenticationProvider.digestAlg": setting("digestAlgorithm", "text"),
  extendedTypesEnabled: setting("extendedTypesEnabled", "boolean"),
  emulate353TTLNodes: { needless: "there is no data of 3.5.3" },
  // Of 0 Apache takes one at a time.
  globalOutstandingLimit: bound("limits.maxProposedEntries", 1),
  maxCnxns: bound("limits.maxConnections", "not given"),
  "jute.maxbuffer": { setting: "limits.maxFrameBytes", as: "number", most: maxFrameBytesMax },
  "jute.maxbuffer.extrasize": inside,
  intBufferStartingSizeBytes: inside,
  snapCount: bound("limits.snapshotEntries", 2),
  snapSizeLimitInKb: bound("limits.snapshotLogBytes", 0, "kibibytes"),
  "znode.container.checkIntervalMs": setting("reaperIntervalMs"),
  "znode.container.maxPerMinute": { missing: "containers that are due go together, up to 10,000 in a round" },
  "znode.container.maxNeverUsedIntervalMs": { missing: "containers that never had a child go after five minutes" },
  enforceQuota: setting("enforcesQuota", "boolean"),
  "enforce.auth.enabled": { needless: "enforce.auth.schemes counts where this is true" },
  "enforce.auth.schemes": setting("enforcedAuthSchemes", "words"),
  sessionRequireClientSASLAuth: {
    refused: "say enforce.auth.enabled=true and enforce.auth.schemes=sasl",
    unless: "false",
  },
  allowSaslFailedClients: sasl,
  skipACL: { refused: "access lists are always kept; take the line out", unless: "no" },
  superUser: setting("saslSuperUser", "text"),
  letAnySaslUserDoX: sasl,
  "SASLAuthenticationProvider.superPassword": sasl,
  "X509AuthenticationProvider.superUser": setting("x509SuperUser", "text"),
  "sasl.serverconfig": sasl,
  requireKerberosConfig: sasl,
  "kerberos.removeHostFromPrincipal": sasl,
  "kerberos.removeRealmFromPrincipal": sasl,
  "kerberos.canonicalizeHostNames": sasl,
  "server.principal": sasl,
  "server.realm": sasl,
  "security.auth_to_local": sasl,
  kinit: sasl,
  ensembleAuthName: { missing: "clients are not asked for an ensemble's name" },
  "IPAuthenticationProvider.usexforwardedfor": { missing: "addresses are those of the connections" },
  "audit.enable": setting("auditEnabled", "boolean"),
  "audit.impl.class": { missing: "the audit log goes to auditFile, or into the server's log" },
  enableEagerACLCheck: inside,
  "closeSessionTxn.enabled": inside,
  readonlymode: { missing: "a server alone is never read-only, but when its log fails" },
  "readonlymode.enabled": { missing: "a server alone is never read-only, but when its log fails" },

  // Disk.
  forceSync: { missing: "every write is synced before it is answered" },
  "fsync.warningthresholdms": { needless: "corral_log_sync_seconds tells how long syncs take" },
  preAllocSize: inside,
  txnLogSizeLimitInKb: inside,
  snapshotSizeFactor: ensemble,
  "snapshot.trust.empty": { missing: "a directory whose snapshot is missing is refused or explained" },
  "snapshot.compression.method": inside,
  "digest.enabled": { missing: "the tree always has one" },
  "serializeLastProcessedZxid.enabled": inside,
  "db.autocreate": { missing: "an empty directory always begins an empty tree" },
  "datadir.autocreate": { needless: "the directory is made if it does not exist" },
  flushDelay: inside,
  maxWriteQueuePollTime: inside,
  maxBatchSize: inside,

  // Overload.
  connection_throttle_tokens: setting("limits.connectionBurst"),
  connection_throttle_fill_time: refill("limits.connectionRefillMs"),
  connection_throttle_fill_count: refill("limits.connectionRefillCount"),
  connection_throttle_freeze_time: throttle,
  connection_throttle_drop_increase: throttle,
  connection_throttle_drop_decrease: throttle,
  connection_throttle_decrease_ratio: throttle,
  connection_throttle_weight_enabled: throttle,
  connection_throttle_global_session_weight: throttle,
  connection_throttle_local_session_weight: throttle,
  connection_throttle_renew_session_weight: throttle,
  request_throttle_max_requests: bound("limits.maxPendingRequests", "not given"),
  request_throttle_stall_time: inside,
  request_throttle_drop_stale: inside,
  request_stale_latency_check: inside,
  request_stale_connection_check: inside,
  "request_throttler.shutdownTimeout": inside,
  throttled_op_wait_time: bound("limits.writeWaitMs", 0),
  largeRequestMaxBytes: bound("limits.maxLargeRequestBytes", "not given"),
  largeRequestThreshold: bound("limits.largeRequestBytes", "not given"),
  "request.timeout": inside,
  "netty.server.outstandingHandshake.limit": bound("limits.maxHandshakes", "not given"),
  "netty.server.earlyDropSecureConnectionHandshakes": inside,
  "netty.advancedFlowControl.enabled": inside,

  // The inside of Apache's server.
  serverCnxnFactory: inside,
  "nio.numSelectorThreads": inside,
  "nio.numWorkerThreads": inside,
  "nio.directBufferBytes": inside,
  "nio.sessionlessCnxnTimeout": { needless: "limits.handshakeMs is how long one may be silent" },
  "nio.shutdownTimeout": inside,
  tcpKeepAlive: inside,
  clientTcpKeepAlive: inside,
  "commitProcessor.numWorkerThreads": inside,
  "commitProcessor.maxReadBatchSize": inside,
  "commitProcessor.maxCommitBatchSize": inside,
  "commitProcessor.shutdownTimeout": inside,
  commitLogCount: ensemble,
  watchManagerName: inside,
  watcherCleanThreadsNum: inside,
  watcherCleanIntervalInSeconds: inside,
  watcherCleanThreshold: inside,
  maxInProcessingDeadWatchers: inside,
  bitHashCacheSize: inside,
  maxResponseCacheSize: inside,
  maxGetChildrenResponseCacheSize: inside,
  "pathStats.delay": inside,
  "pathStats.enabled": inside,
  "pathStats.initialDelay": inside,
  "pathStats.maxDepth": inside,
  "pathStats.sampleRate": inside,
  "pathStats.slotCapacity": inside,
  "pathStats.slotDuration": inside,
  "pathStats.topPathMax": inside,
  "messageTracker.BufferSize": ensemble,
  "messageTracker.Enabled": ensemble,
  "jmx.log4j.disable": inside,
  "jmx.log4j.mbean": inside,
  cnxTimeout: ensemble,
  quorumCnxnTimeoutMs: ensemble,
  electionPortBindRetry: ensemble,
  "fastleader.minNotificationInterval": ensemble,
  "fastleader.maxNotificationInterval": ensemble,
  leaderServes: ensemble,
  "leader.ackLoggingFrequency": ensemble,
  "leader.closeSocketAsync": ensemble,
  "leader.maxConcurrentDiffSyncs": ensemble,
  "leader.maxConcurrentSnapSyncs": ensemble,
  "leader.maxTimeToWaitForEpoch": ensemble,
  leaderConnectDelayDuringRetryMs: ensemble,
  "learner.asyncSending": ensemble,
  "learner.closeSocketAsync": ensemble,
  "follower.skipLearnerRequestToNextProcessor": ensemble,
  forward_learner_requests_to_commit_processor_disabled: ensemble,
  forceSnapshotSync: ensemble,
  "observer.election.DelayMs": ensemble,
  "observer.reconnectDelayMs": ensemble,
  "observer.syncEnabled": ensemble,
  "observerMaster.sizeLimit": ensemble,
  controllerPort: inside,
  "testingonly.initialZxid": inside,
};

/** Beginnings of keys that stand for many. */
export const zooCfgPrefixes: readonly (readonly [prefix: string, key: ZooCfgKey])[] = [
  ["ssl.quorum.", ensemble],
  ["ssl.", { missing: "there is no such setting of TLS here" }],
  [
    "authProvider.",
    {
      missing: "authentication providers cannot be plugged in",
      // Of these there is what they do.
      unless: /^org\.apache\.zookeeper\.server\.auth\.(X509|SASL|Digest|IP)AuthenticationProvider$/,
    },
  ],
  ["metricsProvider.", { missing: "metrics are on the admin port: see adminPort" }],
  ["group.", ensemble],
  ["weight.", ensemble],
];

/** The key that gives a setting its value, if one does; of several the first. */
export function zooCfgKeyOf(setting: string): string | undefined {
  return Object.keys(zooCfgKeys).find((key) => {
    const known = zooCfgKeys[key];
    return known !== undefined && "setting" in known && known.setting === setting;
  });
}
