/**
 * What a server can be told. One schema: defaults, ranges, and errors that name the key and what to write instead.
 */
import { type Address, type DigestAlgorithm, digestLengths } from "@corral/io";
import { type FourLetterWord, fourLetterWords } from "@corral/protocol";
import * as v from "valibot";
import { type Behaviour, behaviourOf, compatibleVersions } from "./compatibility.ts";
import { accessProblem } from "./config-access.ts";
import { unknownSettings } from "./config-unknown.ts";
import {
  defaultLimits,
  type Limits,
  maxFrameBytesMax,
  maxIdentitiesMax,
  maxIdentityTextMax,
  maxPathLengthMax,
  zeroLimits,
} from "./limits.ts";
import { saslMechanisms } from "./replica/authenticate.ts";
import { saslUserProblem } from "./replica/sasl-users.ts";

const whole = (text = "must be a whole number") => v.pipe(v.number(text), v.safeInteger(text));
const text = (problem: string) => v.pipe(v.string(problem), v.minLength(1, problem));
const matching = (pattern: RegExp, problem: string) => v.pipe(v.string(problem), v.regex(pattern, problem));
const listOf = <const T extends readonly string[]>(words: T, problem: string) =>
  v.array(v.picklist(words, problem), problem);
const yesOrNo = v.boolean("must be true or false");
const between = (least: number, most: number) => {
  const problem = `must be ${least} … ${most}`;
  return v.pipe(whole(), v.minValue(least, problem), v.maxValue(most, problem));
};

const port = between(0, 65_535);
/** What fits the wire's 32 bits. */
const maxMs = 2 ** 31 - 1;
const milliseconds = v.pipe(
  whole("must be a whole number of milliseconds"),
  v.minValue(1, "must be at least 1 ms"),
  v.maxValue(maxMs, `must be at most ${maxMs} ms`),
);
const tick = v.pipe(milliseconds, v.maxValue(3_600_000, "must be at most 3600000 ms, an hour"));
const atLeast = (least: number, problem: string) => v.pipe(whole(), v.minValue(least, problem));
const frameBytes = v.pipe(
  whole(),
  v.minValue(1_024, "must be at least 1024 bytes"),
  v.maxValue(maxFrameBytesMax, `must be at most ${maxFrameBytesMax} bytes`),
);

const atLeastOne = (name: keyof Limits) => atLeast(1, `must be at least 1 (the default is ${defaultLimits[name]})`);
const atMost = (most: number) => v.maxValue<number, number, string>(most, `must be at most ${most}`);

/** What bounds the server at 0 serves nobody; see `zeroLimits` for those that do not bound it then. */
const limit = (name: keyof Limits) =>
  v.optional(zeroLimits.has(name) ? atLeast(0, "must not be negative") : atLeastOne(name));

const limitsShape = {
  ...(Object.fromEntries((Object.keys(defaultLimits) as (keyof Limits)[]).map((name) => [name, limit(name)])) as Record<
    keyof Limits,
    ReturnType<typeof limit>
  >),
  maxFrameBytes: v.optional(frameBytes),
  // What a connection has goes into each of its entries, and an entry has to be written and read back.
  maxIdentitiesPerConnection: v.optional(v.pipe(atLeastOne("maxIdentitiesPerConnection"), atMost(maxIdentitiesMax))),
  maxIdentityTextPerConnection: v.optional(
    v.pipe(atLeastOne("maxIdentityTextPerConnection"), atMost(maxIdentityTextMax)),
  ),
  maxPathLength: v.optional(v.pipe(atLeastOne("maxPathLength"), atMost(maxPathLengthMax))),
};

/** Words that tell nothing of the clients, the tree or the machine. */
const safeWords: (FourLetterWord | "*")[] = ["ruok", "srvr", "isro"];

/** By which a connection can prove to be somebody. */
export const authSchemes = ["digest", "x509", "sasl"] as const;

/** By which scheme `digest` makes identities. */
const digestAlgorithms = Object.keys(digestLengths) as DigestAlgorithm[];

/** Who may authenticate by SASL. */
const saslUser = v.pipe(
  v.string("must be user:password"),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? saslUserProblem(dataset.value) : undefined;
    if (message !== undefined) addIssue({ message });
  }),
);

/** The path of a file. */
const file = text("must be the path of a file");

const fields = {
  /** Address to listen on; `*` for every one, `0.0.0.0` for those of IPv4. */
  host: v.optional(text("must be a host name or address"), "127.0.0.1"),
  /** Port for clients; 0: any free one. */
  clientPort: v.optional(port, 0),
  /** Whether `clientPort` is opened. If not, `secureClientPort` must be: clients then speak TLS, and so does who asks four-letter words. */
  clientPortEnabled: v.optional(yesOrNo, true),
  /** Directory for logs and snapshots. Without it the server lives in memory and forgets everything at its end. */
  dataDir: v.optional(text("must be the path of a directory")),
  /** The basic unit of time, ms: sessions expire with this precision. */
  tickMs: v.optional(tick, 2_000),
  /** Shortest session timeout granted, ms; by default two ticks. */
  minSessionTimeoutMs: v.optional(milliseconds),
  /** Longest session timeout granted, ms; by default twenty ticks. */
  maxSessionTimeoutMs: v.optional(milliseconds),
  /** This server among others, 0 … 254; the first byte of its session ids. */
  serverId: v.optional(between(0, 254), 1),
  /** How often containers and nodes with a time to live are looked through, ms. */
  reaperIntervalMs: v.optional(milliseconds, 60_000),
  /** How scheme `digest` makes an identity of `user:password`. The same on all servers, and for all access lists that name one. */
  digestAlgorithm: v.optional(v.picklist(digestAlgorithms, `must be one of ${digestAlgorithms.join(", ")}`), "SHA1"),
  /** `user:` and the digest of `user:password` in base64, by `digestAlgorithm`, of who may do everything. */
  superDigest: v.optional(v.string("must be text")),
  /**
   * Schemes of which every connection must prove one before it asks for anything else; who does not is answered with
   * SessionClosedRequireSaslAuth and disconnected. Default: nobody must.
   */
  enforcedAuthSchemes: v.optional(listOf(authSchemes, `must be some of ${authSchemes.join(", ")}`), []),
  /** Whether a write beyond a hard quota is refused; if not, it is only told in the log. */
  enforcesQuota: v.optional(yesOrNo, false),
  /**
   * For tests of clients: behaves as this version of Apache ZooKeeper does, and does without what it lacks. Default: as
   * itself.
   */
  compatibility: v.optional(v.picklist(compatibleVersions, `must be one of ${compatibleVersions.join(", ")}`)),
  /** Whether nodes may have a time to live. Default true; with `compatibility` false, as Apache's is. */
  extendedTypesEnabled: v.optional(yesOrNo),
  /** Whether `reconfig` is answered as by Apache's server alone that has it switched on: there is nothing to reconfigure. */
  reconfigEnabled: v.optional(yesOrNo, false),
  /**
   * Which of the four-letter words are answered on the port for clients; `"*"`: all of them. Anybody who can connect may
   * ask, so by default only what clients themselves need.
   */
  fourLetterWords: v.optional(listOf(["*", ...fourLetterWords], "must be four-letter words, or *"), safeWords),
  /** Port of the admin server (HTTP: commands, health, metrics); 0: any free one. Default: there is none. */
  adminPort: v.optional(port),
  /** Address on which the admin server listens. Anything but this machine's own needs an `adminToken`. */
  adminHost: v.optional(text("must be a host name or address"), "127.0.0.1"),
  /** What callers of the admin server must show, as `Authorization: Bearer …`. */
  adminToken: v.optional(
    v.pipe(v.string("must have at least 16 characters"), v.minLength(16, "must have at least 16 characters")),
  ),
  /** Port for clients that speak TLS; 0: any free one. Default: there is none. */
  secureClientPort: v.optional(port),
  /** Address of the secure port. Default: `host`. */
  secureHost: v.optional(text("must be a host name or address")),
  /** Whether `clientPort` takes TLS as well; the first byte tells. */
  tlsOnClientPort: v.optional(yesOrNo, false),
  /** PEM file: the server's certificate, then those between it and the authority. */
  tlsCertFile: v.optional(file),
  /** PEM file: its private key. Default: it stands in `tlsCertFile` too. */
  tlsKeyFile: v.optional(file),
  /** Of the key, if it is encrypted. */
  tlsKeyPassword: v.optional(v.string("must be text")),
  /** PEM file: authorities that clients' certificates may come from. */
  tlsCaFile: v.optional(file),
  /** Whether clients must show a certificate. Default: `need` with a `tlsCaFile`, `none` without. */
  tlsClientAuth: v.optional(v.picklist(["none", "want", "need"], "must be one of none, want, need")),
  /**
   * Whether the admin server speaks TLS: `none`, `both` (requests in clear are answered as well) or `only`. With the certificate
   * of the ports for clients, unless it has its own.
   */
  adminTls: v.optional(v.picklist(["none", "both", "only"], "must be one of none, both, only"), "none"),
  /** PEM file: the admin server's certificate. Default: `tlsCertFile`. */
  adminTlsCertFile: v.optional(file),
  /** PEM file: its private key. Default: it stands in `adminTlsCertFile` too. */
  adminTlsKeyFile: v.optional(file),
  /** Of that key, if it is encrypted. */
  adminTlsKeyPassword: v.optional(v.string("must be text")),
  /** PEM file: authorities that its callers' certificates may come from. Default: `tlsCaFile`. */
  adminTlsCaFile: v.optional(file),
  /** Whether its callers must show a certificate. Default: `none`. */
  adminTlsClientAuth: v.optional(v.picklist(["none", "want", "need"], "must be one of none, want, need"), "none"),
  /** The oldest version of TLS that is spoken. */
  tlsMinVersion: v.optional(v.picklist(["TLSv1.2", "TLSv1.3"], "must be one of TLSv1.2, TLSv1.3"), "TLSv1.2"),
  /** Ciphers as OpenSSL names them, with colons. Default: Node's. */
  tlsCiphers: v.optional(text("must name ciphers as OpenSSL does, with colons")),
  /** Subject of the client certificate of who may do everything, as RFC 2253 writes it. */
  x509SuperUser: v.optional(matching(/^[^=,]+=/, "must be a subject such as CN=admin,O=example")),
  /**
   * `user:password` of each who may authenticate by SASL, or `user:SCRAM-SHA-256$…` as `corral-server scram` prints it, from
   * which nobody learns the password and with which DIGEST-MD5 cannot work. Default: SASL is not offered.
   */
  saslUsers: v.optional(v.array(saslUser, "must be a list of user:password"), []),
  /** The mechanisms of SASL that are offered. Default: both. */
  saslMechanisms: v.optional(
    v.pipe(
      listOf(saslMechanisms, `must be some of ${saslMechanisms.join(", ")}`),
      v.minLength(1, `must be some of ${saslMechanisms.join(", ")}`),
    ),
    [...saslMechanisms],
  ),
  /** The one of them who may do everything. */
  saslSuperUser: v.optional(text("must be the name of a user")),
  /** Whether there is an audit log: who wrote what, from where, and what came of it. */
  auditEnabled: v.optional(yesOrNo, false),
  /** File that the audit log is added to. Default: it goes into the server's log. */
  auditFile: v.optional(file),
  limits: v.optional(v.strictObject(limitsShape, "must be limits by name")),
};

const settingsShape = v.strictObject(fields, "must be settings by name");

/** What must hold between settings, if each is right by itself; what is said if it does not is said of `key`. */
function rule(
  key: keyof typeof fields,
  holds: (config: v.InferOutput<typeof settingsShape>) => boolean,
  message: string | ((config: v.InferOutput<typeof settingsShape>) => string),
): v.RawCheckAction<v.InferOutput<typeof settingsShape>> {
  return v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.issues !== undefined || holds(dataset.value)) return;
    const { value: input } = dataset;
    const said = typeof message === "string" ? message : message(input);
    addIssue({
      message: said,
      path: [{ type: "object", origin: "value", input: { ...input }, key, value: input[key] }],
    });
  });
}

const schema = v.pipe(
  settingsShape,
  rule(
    "superDigest",
    ({ superDigest, digestAlgorithm }) => superDigest === undefined || isDigest(superDigest, digestAlgorithm),
    ({ digestAlgorithm: by }) =>
      `must be user:base64(digest of user:password by ${by}), as corral-server digest --algorithm ${by} prints it`,
  ),
  rule(
    "clientPortEnabled",
    (c) => c.clientPortEnabled || (c.secureClientPort !== undefined && !c.tlsOnClientPort),
    "false leaves secureClientPort alone, which must be given, and tlsOnClientPort without a port, which must not",
  ),
  rule(
    "tlsCertFile",
    (c) => c.tlsCertFile !== undefined || (c.secureClientPort === undefined && !c.tlsOnClientPort),
    "must name the server's certificate, since TLS is asked for",
  ),
  rule(
    "adminTlsCertFile",
    (c) => c.adminTls === "none" || c.adminPort === undefined || (c.adminTlsCertFile ?? c.tlsCertFile) !== undefined,
    "must name the admin server's certificate, or tlsCertFile one for all, since adminTls asks for TLS",
  ),
  rule(
    "adminTlsKeyFile",
    (c) => c.adminTlsKeyFile === undefined || c.adminTlsCertFile !== undefined,
    "must stand together with adminTlsCertFile",
  ),
  rule(
    "adminTlsCaFile",
    (c) => c.adminTlsClientAuth === "none" || (c.adminTlsCaFile ?? c.tlsCaFile) !== undefined,
    "must name the authorities of the certificates that adminTlsClientAuth asks callers for",
  ),
  rule(
    "tlsCaFile",
    (c) => c.tlsCaFile !== undefined || (c.tlsClientAuth ?? "none") === "none",
    "must name the authorities of the certificates that tlsClientAuth asks clients for",
  ),
  rule(
    "minSessionTimeoutMs",
    (c) => c.maxSessionTimeoutMs !== undefined || (c.minSessionTimeoutMs ?? 0) <= c.tickMs * 20,
    "must not be above the longest session timeout, which is 20 ticks unless maxSessionTimeoutMs says otherwise",
  ),
  rule(
    "maxSessionTimeoutMs",
    (c) => (c.minSessionTimeoutMs ?? c.tickMs * 2) <= (c.maxSessionTimeoutMs ?? Number.POSITIVE_INFINITY),
    "must not be below the shortest session timeout, which is 2 ticks unless minSessionTimeoutMs says otherwise",
  ),
  rule(
    "adminToken",
    (c) => c.adminPort === undefined || c.adminToken !== undefined || isLoopback(c.adminHost),
    "must be set where adminHost is not an address of this machine alone (127.0.0.1, ::1 or localhost)",
  ),
);

/** Whether it is one of this algorithm; otherwise nobody could ever be the superuser. */
function isDigest(text: string, algorithm: DigestAlgorithm): boolean {
  const base64 = /^[^:]+:([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1] ?? "";
  return Buffer.from(base64, "base64").length === digestLengths[algorithm];
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** What `startServer` takes. Every field has a default. */
export type ServerSettings = v.InferInput<typeof schema>;

/** The settings with every default filled in. */
export interface ServerConfig {
  readonly host: string;
  readonly clientPort: number;
  readonly clientPortEnabled: boolean;
  readonly dataDir: string | undefined;
  readonly tickMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly serverId: number;
  readonly reaperIntervalMs: number;
  readonly digestAlgorithm: DigestAlgorithm;
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
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  readonly tlsCaFile: string | undefined;
  readonly adminTlsCertFile: string | undefined;
  readonly adminTlsKeyFile: string | undefined;
  readonly adminTlsCaFile: string | undefined;
  readonly adminTlsClientAuth: CertificateSettings["clientAuth"];
  readonly auditEnabled: boolean;
  readonly auditFile: string | undefined;
  /** What the port for clients and the secure one need to speak TLS; undefined: neither does. */
  readonly tls: TlsSettings | undefined;
  /** What the admin server needs to speak TLS; undefined: it does not. */
  readonly adminTls: AdminTlsSettings | undefined;
  readonly limits: Limits;
}

/** TLS for clients: where, and with what. */
export interface TlsSettings extends CertificateSettings {
  /** Where TLS alone is spoken. */
  readonly securePort: Address | undefined;
  /** Whether the port for clients takes it as well. */
  readonly onClientPort: boolean;
}

/** TLS for administrators. */
export interface AdminTlsSettings extends CertificateSettings {
  /** Whether requests in clear are taken as well. */
  readonly orPlain: boolean;
}

/** What a port with TLS shows, and who must show what. */
export interface CertificateSettings {
  /** The settings that the others come from, for errors. */
  readonly named: Readonly<Record<"certFile" | "keyFile" | "keyPassword" | "caFile" | "ciphers", string>>;
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
  const result = v.safeParse(schema, settings, { abortPipeEarly: true });
  if (!result.success) {
    // First: what is missing may stand there by another name.
    const unknown = unknownSettings(settings, Object.keys(fields));
    const others = result.issues.map((issue): [string, string] => [
      issue.path?.map((step) => String(step.key)).join(".") ?? "",
      issue.message,
    ]);
    // The schema tells of one only.
    const problems = [...unknown, ...others.filter(([key]) => !unknown.has(key))];
    throw new ConfigError(
      `Wrong settings: ${problems.map(([key, said]) => `${key}: ${said}`).join("; ")}`,
      problems.map(([key]) => key),
    );
  }
  const { limits, compatibility, extendedTypesEnabled, ...config } = result.output;
  const given = Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined));
  const allLimits: Limits = { ...defaultLimits, ...given };
  // A node's data is as long as a request can be.
  const longest = allLimits.maxFrameBytes > allLimits.maxResponseBytes ? "maxFrameBytes" : "maxResponseBytes";
  if (allLimits.hardUnsentBytes < allLimits[longest] + allLimits.softUnsentBytes) {
    const text = `limits.hardUnsentBytes: must not be below ${longest} and softUnsentBytes together`;
    throw new ConfigError(`Wrong settings: ${text}`, ["limits.hardUnsentBytes"]);
  }
  const tls = tlsOf(config);
  const problem = accessProblem({ ...config, saslSuperUser: config.saslSuperUser, tls });
  if (problem !== undefined) throw new ConfigError(`Wrong settings: ${problem.key}: ${problem.text}`, [problem.key]);
  return {
    ...config,
    dataDir: config.dataDir,
    superDigest: config.superDigest,
    adminPort: config.adminPort,
    adminToken: config.adminToken,
    x509SuperUser: config.x509SuperUser,
    saslSuperUser: config.saslSuperUser,
    tlsCertFile: config.tlsCertFile,
    tlsKeyFile: config.tlsKeyFile,
    tlsCaFile: config.tlsCaFile,
    adminTlsCertFile: config.adminTlsCertFile,
    adminTlsKeyFile: config.adminTlsKeyFile,
    adminTlsCaFile: config.adminTlsCaFile,
    adminTlsClientAuth: config.adminTlsClientAuth,
    auditFile: config.auditFile,
    tls,
    adminTls: adminTlsOf(config),
    behaviour: behaviourOf({ compatibility, extendedTypesEnabled, reconfigEnabled: config.reconfigEnabled }),
    minSessionTimeoutMs: config.minSessionTimeoutMs ?? config.tickMs * 2,
    maxSessionTimeoutMs: config.maxSessionTimeoutMs ?? config.tickMs * 20,
    limits: allLimits,
  };
}

const sharedNames: CertificateSettings["named"] = {
  certFile: "tlsCertFile",
  keyFile: "tlsKeyFile",
  keyPassword: "tlsKeyPassword",
  caFile: "tlsCaFile",
  ciphers: "tlsCiphers",
};
const ownNames: CertificateSettings["named"] = {
  ...sharedNames,
  certFile: "adminTlsCertFile",
  keyFile: "adminTlsKeyFile",
  keyPassword: "adminTlsKeyPassword",
};

function tlsOf(config: v.InferOutput<typeof schema>): TlsSettings | undefined {
  const { secureClientPort, tlsOnClientPort, tlsCertFile, tlsCaFile } = config;
  if (tlsCertFile === undefined || (secureClientPort === undefined && !tlsOnClientPort)) return undefined;
  const host = config.secureHost ?? config.host;
  return {
    securePort: secureClientPort === undefined ? undefined : { host, port: secureClientPort },
    onClientPort: tlsOnClientPort,
    named: sharedNames,
    certFile: tlsCertFile,
    keyFile: config.tlsKeyFile ?? tlsCertFile,
    keyPassword: config.tlsKeyPassword,
    caFile: tlsCaFile,
    clientAuth: config.tlsClientAuth ?? (tlsCaFile === undefined ? "none" : "need"),
    minVersion: config.tlsMinVersion,
    ciphers: config.tlsCiphers,
  };
}

function adminTlsOf(config: v.InferOutput<typeof schema>): AdminTlsSettings | undefined {
  const { adminPort, adminTls, adminTlsCertFile: own, tlsCertFile: shared } = config;
  const certFile = own ?? shared;
  if (adminPort === undefined || adminTls === "none" || certFile === undefined) return undefined;
  const [keyFile, keyPassword] =
    own === undefined
      ? [config.tlsKeyFile, config.tlsKeyPassword]
      : [config.adminTlsKeyFile, config.adminTlsKeyPassword];
  return {
    orPlain: adminTls === "both",
    named: {
      ...(own === undefined ? sharedNames : ownNames),
      caFile: config.adminTlsCaFile === undefined ? "tlsCaFile" : "adminTlsCaFile",
    },
    certFile,
    keyFile: keyFile ?? certFile,
    keyPassword,
    caFile: config.adminTlsCaFile ?? config.tlsCaFile,
    clientAuth: config.adminTlsClientAuth,
    minVersion: config.tlsMinVersion,
    ciphers: config.tlsCiphers,
  };
}
