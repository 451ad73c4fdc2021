/**
 * What a server can be told. One schema: defaults, ranges, and errors that name the key and what to write instead.
 */
import type { Address } from "@corral/io";
import { type FourLetterWord, fourLetterWords } from "@corral/protocol";
import { z } from "zod";
import { type Behaviour, behaviourOf, compatibleVersions } from "./compatibility.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { saslMechanisms } from "./replica/authenticate.ts";
import { saslUserProblem } from "./replica/sasl-users.ts";

const port = z.int("must be a whole number").min(0, "must be 0 … 65535").max(65_535, "must be 0 … 65535");
/** What fits the wire's 32 bits. */
const maxMs = 2 ** 31 - 1;
const milliseconds = z
  .int("must be a whole number of milliseconds")
  .min(1, "must be at least 1 ms")
  .max(maxMs, `must be at most ${maxMs} ms`);
const tick = milliseconds.max(3_600_000, "must be at most 3600000 ms, an hour");
const count = z.int("must be a whole number").min(0, "must not be negative");
/** The longest frame that the log can hold together with what goes with it. */
const maxFrame = 32 << 20;
const frameBytes = count.min(1_024, "must be at least 1024 bytes").max(maxFrame, `must be at most ${maxFrame} bytes`);

const limitsShape = {
  ...(Object.fromEntries(Object.keys(defaultLimits).map((key) => [key, count.optional()])) as Record<
    keyof Limits,
    z.ZodOptional<typeof count>
  >),
  maxFrameBytes: frameBytes.optional(),
};

/** Words that tell nothing of the clients, the tree or the machine. */
const safeWords: (FourLetterWord | "*")[] = ["ruok", "srvr", "isro"];

/** By which a connection can prove to be somebody. */
const authSchemes = ["digest", "x509", "sasl"] as const;

/** Who may authenticate by SASL. */
const saslUser = z.string().check(({ value, issues }) => {
  const message = saslUserProblem(value);
  if (message !== undefined) issues.push({ code: "custom", message, input: value });
});

/** The path of a file. */
const file = z.string().min(1, "must be the path of a file");

const schema = z
  .strictObject({
    /** Address to listen on; `0.0.0.0` or `::` for every one. */
    host: z.string().min(1, "must be a host name or address").default("127.0.0.1"),
    /** Port for clients; 0: any free one. */
    clientPort: port.default(0),
    /** Directory for logs and snapshots. Without it the server lives in memory and forgets everything at its end. */
    dataDir: z.string().min(1, "must be the path of a directory").optional(),
    /** The basic unit of time, ms: sessions expire with this precision. */
    tickMs: tick.default(2_000),
    /** Shortest session timeout granted, ms; by default two ticks. */
    minSessionTimeoutMs: milliseconds.optional(),
    /** Longest session timeout granted, ms; by default twenty ticks. */
    maxSessionTimeoutMs: milliseconds.optional(),
    /** This server among others, 0 … 254; the first byte of its session ids. */
    serverId: z.int("must be a whole number").min(0, "must be 0 … 254").max(254, "must be 0 … 254").default(1),
    /** How often containers and nodes with a time to live are looked through, ms. */
    reaperIntervalMs: milliseconds.default(60_000),
    /** `user:base64(sha1(user:password))` of who may do everything. */
    superDigest: z
      .string()
      .regex(/^[^:]+:[A-Za-z0-9+/]{27}=$/, "must be user:base64(sha1(user:password))")
      .optional(),
    /**
     * Schemes of which every connection must prove one before it asks for anything else; who does not is answered with
     * SessionClosedRequireSaslAuth and disconnected. Default: nobody must.
     */
    enforcedAuthSchemes: z.array(z.enum(authSchemes, `must be some of ${authSchemes.join(", ")}`)).default([]),
    /** Whether a write beyond a hard quota is refused; if not, it is only told in the log. */
    enforcesQuota: z.boolean("must be true or false").default(false),
    /**
     * For tests of clients: behaves as this version of Apache ZooKeeper does, and does without what it lacks. Default: as
     * itself.
     */
    compatibility: z.enum(compatibleVersions, `must be one of ${compatibleVersions.join(", ")}`).optional(),
    /** Whether nodes may have a time to live. Default true; with `compatibility` false, as Apache's is. */
    extendedTypesEnabled: z.boolean("must be true or false").optional(),
    /**
     * Which of the four-letter words are answered on the port for clients; `"*"`: all of them. Anybody who can connect may
     * ask, so by default only what clients themselves need.
     */
    fourLetterWords: z.array(z.enum(["*", ...fourLetterWords], "must be four-letter words, or *")).default(safeWords),
    /** Port of the admin server (HTTP: commands, health, metrics); 0: any free one. Default: there is none. */
    adminPort: port.optional(),
    /** Address on which the admin server listens. Anything but this machine's own needs an `adminToken`. */
    adminHost: z.string().min(1, "must be a host name or address").default("127.0.0.1"),
    /** What callers of the admin server must show, as `Authorization: Bearer …`. */
    adminToken: z.string().min(16, "must have at least 16 characters").optional(),
    /** Port for clients that speak TLS; 0: any free one. Default: there is none. */
    secureClientPort: port.optional(),
    /** Address of the secure port. Default: `host`. */
    secureHost: z.string().min(1, "must be a host name or address").optional(),
    /** Whether `clientPort` takes TLS as well; the first byte tells. */
    tlsOnClientPort: z.boolean("must be true or false").default(false),
    /** PEM file: the server's certificate, then those between it and the authority. */
    tlsCertFile: file.optional(),
    /** PEM file: its private key. Default: it stands in `tlsCertFile` too. */
    tlsKeyFile: file.optional(),
    /** Of the key, if it is encrypted. */
    tlsKeyPassword: z.string().optional(),
    /** PEM file: authorities that clients' certificates may come from. */
    tlsCaFile: file.optional(),
    /** Whether clients must show a certificate. Default: `need` with a `tlsCaFile`, `none` without. */
    tlsClientAuth: z.enum(["none", "want", "need"], "must be one of none, want, need").optional(),
    /** The oldest version of TLS that is spoken. */
    tlsMinVersion: z.enum(["TLSv1.2", "TLSv1.3"], "must be one of TLSv1.2, TLSv1.3").default("TLSv1.2"),
    /** Ciphers as OpenSSL names them, with colons. Default: Node's. */
    tlsCiphers: z.string().min(1, "must name ciphers as OpenSSL does, with colons").optional(),
    /** Subject of the client certificate of who may do everything, as RFC 2253 writes it. */
    x509SuperUser: z
      .string()
      .regex(/^[^=,]+=/, "must be a subject such as CN=admin,O=example")
      .optional(),
    /**
     * `user:password` of each who may authenticate by SASL, or `user:SCRAM-SHA-256$…` as `corral-server scram` prints it, from
     * which nobody learns the password and with which DIGEST-MD5 cannot work. Default: SASL is not offered.
     */
    saslUsers: z.array(saslUser).default([]),
    /** The mechanisms of SASL that are offered. Default: both. */
    saslMechanisms: z
      .array(z.enum(saslMechanisms, `must be some of ${saslMechanisms.join(", ")}`))
      .min(1, `must be some of ${saslMechanisms.join(", ")}`)
      .default([...saslMechanisms]),
    /** The one of them who may do everything. */
    saslSuperUser: z.string().min(1, "must be the name of a user").optional(),
    /** Whether there is an audit log: who wrote what, from where, and what came of it. */
    auditEnabled: z.boolean("must be true or false").default(false),
    /** File that the audit log is added to. Default: it goes into the server's log. */
    auditFile: file.optional(),
    limits: z.strictObject(limitsShape).optional(),
  })
  .refine((c) => c.tlsCertFile !== undefined || (c.secureClientPort === undefined && !c.tlsOnClientPort), {
    path: ["tlsCertFile"],
    message: "must name the server's certificate, since TLS is asked for",
  })
  .refine((c) => c.tlsCaFile !== undefined || (c.tlsClientAuth ?? "none") === "none", {
    path: ["tlsCaFile"],
    message: "must name the authorities of the certificates that tlsClientAuth asks clients for",
  })
  .refine((c) => (c.minSessionTimeoutMs ?? c.tickMs * 2) <= (c.maxSessionTimeoutMs ?? c.tickMs * 20), {
    path: ["maxSessionTimeoutMs"],
    message: "must not be below minSessionTimeoutMs (by default 2 ticks; the maximum is by default 20)",
  })
  .refine((c) => c.adminPort === undefined || c.adminToken !== undefined || isLoopback(c.adminHost), {
    path: ["adminToken"],
    message: "must be set where adminHost is not an address of this machine alone (127.0.0.1, ::1 or localhost)",
  });

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** What `startServer` takes. Every field has a default. */
export type ServerSettings = z.input<typeof schema>;

/** The settings with every default filled in. */
export interface ServerConfig {
  readonly host: string;
  readonly clientPort: number;
  readonly dataDir: string | undefined;
  readonly tickMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly serverId: number;
  readonly reaperIntervalMs: number;
  readonly superDigest: string | undefined;
  readonly enforcedAuthSchemes: readonly string[];
  readonly enforcesQuota: boolean;
  readonly behaviour: Behaviour;
  readonly fourLetterWords: readonly (FourLetterWord | "*")[];
  readonly adminPort: number | undefined;
  readonly adminHost: string;
  readonly adminToken: string | undefined;
  readonly x509SuperUser: string | undefined;
  readonly saslUsers: readonly string[];
  readonly saslMechanisms: readonly (typeof saslMechanisms)[number][];
  readonly saslSuperUser: string | undefined;
  readonly auditEnabled: boolean;
  readonly auditFile: string | undefined;
  /** What the port for clients and the secure one need to speak TLS; undefined: neither does. */
  readonly tls: TlsSettings | undefined;
  readonly limits: Limits;
}

/** TLS: where, with what, and who must show what. */
export interface TlsSettings {
  /** Where TLS alone is spoken. */
  readonly securePort: Address | undefined;
  /** Whether the port for clients takes it as well. */
  readonly onClientPort: boolean;
  readonly certFile: string;
  readonly keyFile: string;
  readonly keyPassword: string | undefined;
  readonly caFile: string | undefined;
  readonly clientAuth: "none" | "want" | "need";
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly ciphers: string | undefined;
}

const configMark = Symbol.for("corral.server.config-error");

/** A setting that cannot be used. The message names it and says what it must be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** The keys that are wrong. */
  readonly keys: readonly string[];
  constructor(message: string, keys: readonly string[]) {
    super(message);
    this.keys = keys;
    Object.defineProperty(this, configMark, { value: true });
  }
}

/** Whether `error` is a ConfigError, of whatever copy of this package. */
export function isConfigError(error: unknown): error is ConfigError {
  return typeof error === "object" && error !== null && Reflect.get(error, configMark) === true;
}

/** Checks settings and fills in defaults. @throws ConfigError */
export function parseConfig(settings: ServerSettings): ServerConfig {
  const result = schema.safeParse(settings);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      if (issue.code === "unrecognized_keys") {
        return { key: issue.keys.join(", "), text: `${issue.keys.join(", ")}: no such setting` };
      }
      const key = issue.path.join(".");
      return { key, text: `${key}: ${issue.message}` };
    });
    throw new ConfigError(
      `Wrong settings: ${problems.map((p) => p.text).join("; ")}`,
      problems.map((p) => p.key),
    );
  }
  const { limits, compatibility, extendedTypesEnabled, ...config } = result.data;
  const given = Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined));
  const allLimits: Limits = { ...defaultLimits, ...given };
  if (allLimits.hardUnsentBytes < allLimits.maxResponseBytes + allLimits.softUnsentBytes) {
    const text = "limits.hardUnsentBytes: must not be below maxResponseBytes and softUnsentBytes together";
    throw new ConfigError(`Wrong settings: ${text}`, ["limits.hardUnsentBytes"]);
  }
  return {
    ...config,
    dataDir: config.dataDir,
    superDigest: config.superDigest,
    adminPort: config.adminPort,
    adminToken: config.adminToken,
    x509SuperUser: config.x509SuperUser,
    saslSuperUser: config.saslSuperUser,
    auditFile: config.auditFile,
    tls: tlsOf(config),
    behaviour: behaviourOf({ compatibility, extendedTypesEnabled }),
    minSessionTimeoutMs: config.minSessionTimeoutMs ?? config.tickMs * 2,
    maxSessionTimeoutMs: config.maxSessionTimeoutMs ?? config.tickMs * 20,
    limits: allLimits,
  };
}

function tlsOf(config: z.output<typeof schema>): TlsSettings | undefined {
  const { secureClientPort, tlsOnClientPort, tlsCertFile, tlsCaFile } = config;
  if (tlsCertFile === undefined || (secureClientPort === undefined && !tlsOnClientPort)) return undefined;
  const host = config.secureHost ?? config.host;
  return {
    securePort: secureClientPort === undefined ? undefined : { host, port: secureClientPort },
    onClientPort: tlsOnClientPort,
    certFile: tlsCertFile,
    keyFile: config.tlsKeyFile ?? tlsCertFile,
    keyPassword: config.tlsKeyPassword,
    caFile: tlsCaFile,
    clientAuth: config.tlsClientAuth ?? (tlsCaFile === undefined ? "none" : "need"),
    minVersion: config.tlsMinVersion,
    ciphers: config.tlsCiphers,
  };
}
