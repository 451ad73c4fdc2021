/**
 * The servers that the lines are tried on: ours, and Apache ZooKeeper as Debian has it, each in the same settings. Most
 * lines need nothing but the defaults; some need a switch that would be in the way of the others.
 */
import { setTimeout as delay } from "node:timers/promises";
import { sha1Base64 } from "@corral/io";
import type { ServerOptions } from "@corral/server";
import { MemoryDisk } from "@corral/testing";
import type { ApacheOptions } from "../../support/apache-zookeeper.ts";

/**
 * `plain`: defaults, with short ticks. `strict`: everybody must authenticate, quotas are enforced, no time to live, few
 * connections. `fresh`: nobody has written to it before, who connects must soon say why, and reconfig is switched on. `busy`: it
 * takes little at once, and sheds what is more; it was also asked for local sessions.
 */
export type ServerKind = "plain" | "strict" | "fresh" | "busy";
/** All of them. */
export const serverKinds = ["plain", "strict", "fresh", "busy"] as const satisfies readonly ServerKind[];

/** Of both servers, ms. Sessions last 2 … 20 of them. */
export const tickMs = 500;
/** Connections that a strict server takes from one address. */
export const strictConnections = 8;
/** `user:password` of who may do everything on a strict server. */
export const superCredentials = "super:secret";

/** Bytes that all large requests together may have on a busy server. */
export const largeBytesMax = 200_000;
const largeBytes = 20_000;
/** A busy server lets in so many at once, and one more each `refillMs`. */
const burst = 30;
const refillMs = 1_000;
/** How long a write may wait on a busy server before others are refused, ms. */
const writeWaitMs = 5;

/** A disk on which a write takes longer than a busy server waits. */
function slowDisk(): MemoryDisk {
  const disk = new MemoryDisk();
  disk.onOperation = ({ kind }) => (kind === "sync" ? delay(4 * writeWaitMs) : undefined);
  return disk;
}

const superDigest = `super:${sha1Base64(superCredentials)}`;
const reaperIntervalMs = 300;
const silenceMs = 2_000;

/** How ours is started. */
export const ourSettings: Readonly<Record<ServerKind, ServerOptions>> = {
  plain: { tickMs, reaperIntervalMs },
  fresh: { tickMs, reconfigEnabled: true, limits: { handshakeMs: silenceMs } },
  busy: {
    tickMs,
    dataDir: "/data",
    disk: slowDisk(),
    limits: {
      writeWaitMs,
      largeRequestBytes: largeBytes,
      maxLargeRequestBytes: largeBytesMax,
      connectionBurst: burst,
      connectionRefillMs: refillMs,
    },
  },
  strict: {
    tickMs,
    superDigest,
    extendedTypesEnabled: false,
    enforcedAuthSchemes: ["digest"],
    enforcesQuota: true,
    limits: { maxConnectionsPerAddress: strictConnections },
  },
};

const quickContainers = { "znode.container.checkIntervalMs": String(reaperIntervalMs) };

/** How Apache ZooKeeper is started. */
export const apacheSettings: Readonly<Record<ServerKind, ApacheOptions>> = {
  plain: { tickMs, properties: quickContainers },
  fresh: {
    tickMs,
    // Fewer words than the others: those with which one waits for it.
    config: ["reconfigEnabled=true", "4lw.commands.whitelist=ruok,isro"],
    properties: { "zookeeper.nio.sessionlessCnxnTimeout": String(silenceMs) },
  },
  busy: {
    tickMs,
    config: ["localSessionsEnabled=true"],
    properties: {
      "zookeeper.request_throttle_max_requests": "1",
      "zookeeper.throttled_op_wait_time": String(writeWaitMs),
      "zookeeper.largeRequestThreshold": String(largeBytes),
      "zookeeper.largeRequestMaxBytes": String(largeBytesMax),
      "zookeeper.connection_throttle_tokens": String(burst),
      "zookeeper.connection_throttle_fill_time": String(refillMs),
      "zookeeper.connection_throttle_fill_count": "1",
    },
  },
  strict: {
    tickMs,
    extendedTypes: false,
    config: [`maxClientCnxns=${strictConnections}`],
    properties: {
      "zookeeper.DigestAuthenticationProvider.superDigest": superDigest,
      "zookeeper.enforce.auth.enabled": "true",
      "zookeeper.enforce.auth.schemes": "digest",
      "zookeeper.enforceQuota": "true",
    },
  },
};
