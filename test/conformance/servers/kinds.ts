/**
 * The servers that the lines are tried on: ours, and Apache ZooKeeper as Debian has it, each in the same settings. Most
 * lines need nothing but the defaults; some need a switch that would be in the way of the others.
 */
import { sha1Base64 } from "@corral/io";
import type { ServerOptions } from "@corral/server";
import type { ApacheOptions } from "../../support/apache-zookeeper.ts";

/**
 * `plain`: defaults, with short ticks. `strict`: everybody must authenticate, quotas are enforced, no time to live, few
 * connections. `fresh`: nobody has written to it before, and who connects must soon say why.
 */
export type ServerKind = "plain" | "strict" | "fresh";
/** All of them. */
export const serverKinds = ["plain", "strict", "fresh"] as const satisfies readonly ServerKind[];

/** Of both servers, ms. Sessions last 2 … 20 of them. */
export const tickMs = 500;
/** Connections that a strict server takes from one address. */
export const strictConnections = 8;
/** `user:password` of who may do everything on a strict server. */
export const superCredentials = "super:secret";

const superDigest = `super:${sha1Base64(superCredentials)}`;
const reaperIntervalMs = 300;
const silenceMs = 2_000;

/** How ours is started. */
export const ourSettings: Readonly<Record<ServerKind, ServerOptions>> = {
  plain: { tickMs, reaperIntervalMs },
  fresh: { tickMs, limits: { handshakeMs: silenceMs } },
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
  fresh: { tickMs, properties: { "zookeeper.nio.sessionlessCnxnTimeout": String(silenceMs) } },
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
