/**
 * Everything that the command `corral-server` can be told, in one table: the setting, its flag, its environment variable.
 * Flags, environment, config file and the page docs/server.md all follow it.
 */
import { digestLengths } from "@corral/io";
import { defaultLimits } from "../limits.ts";

/** How a value is written as text. */
export type OptionKind = "number" | "text" | "boolean" | "words";

/** One thing that the command can be told. */
export interface CommandOption {
  /** The setting of `startServer`; limits with a dot before their name. */
  readonly setting: string;
  /** Without its dashes; undefined for secrets, which anybody could read from the list of processes. */
  readonly flag: string | undefined;
  readonly variable: string;
  readonly kind: OptionKind;
  /** How `--help` calls the value. */
  readonly value: string;
  readonly help: string;
}

const option = (
  setting: string,
  kind: OptionKind,
  value: string,
  help: string,
  flag: string | undefined = kebab(setting),
): CommandOption => ({ setting, flag, variable: variableOf(setting), kind, value, help });

const secret = (setting: string, help: string): CommandOption => ({
  ...option(setting, "text", "text", help),
  flag: undefined,
});

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `limits.maxSessions` is CORRAL_LIMITS_MAX_SESSIONS. */
function variableOf(setting: string): string {
  return `CORRAL_${kebab(setting).replace(/[.-]/g, "_").toUpperCase()}`;
}

/** All but the limits. */
export const serverOptions: readonly CommandOption[] = [
  option("clientPort", "number", "port", "port for clients; 0 takes a free one (default: 2181)"),
  option(
    "clientPortEnabled",
    "boolean",
    "bool",
    "whether that port is opened; false: the secure port alone (default: true)",
  ),
  option(
    "host",
    "text",
    "address",
    "address to listen on (default: 127.0.0.1; * for every one, 0.0.0.0 for those of IPv4)",
  ),
  option("dataDir", "text", "dir", "directory for logs and snapshots; made if it does not exist"),
  option("tickMs", "number", "ms", "basic unit of time; sessions expire with this precision (default: 2000)", "tick"),
  option(
    "minSessionTimeoutMs",
    "number",
    "ms",
    "shortest session timeout granted (default: 2 ticks)",
    "min-session-timeout",
  ),
  option(
    "maxSessionTimeoutMs",
    "number",
    "ms",
    "longest session timeout granted (default: 20 ticks)",
    "max-session-timeout",
  ),
  option("serverId", "number", "id", "0 … 254, the first byte of session ids (default: 1)"),
  option(
    "reaperIntervalMs",
    "number",
    "ms",
    "how often due containers and TTL nodes are looked for, at most once a tick (default: 60000)",
    "reaper-interval",
  ),
  option(
    "extendedTypesEnabled",
    "boolean",
    "boolean",
    "whether nodes may have a time to live (default: true)",
    "extended-types",
  ),
  option(
    "reconfigEnabled",
    "boolean",
    "boolean",
    "whether reconfig is Unimplemented, as on a server alone that has it, not ReconfigDisabled (default: false)",
    "reconfig",
  ),
  option(
    "fourLetterWords",
    "words",
    "words",
    "four-letter words that are answered, with commas; * for all (default: ruok,srvr,isro)",
  ),
  option(
    "adminPort",
    "number",
    "port",
    "port for commands, health and metrics over HTTP; 0 takes a free one (default: none)",
  ),
  option(
    "adminHost",
    "text",
    "address",
    "address of the admin port (default: 127.0.0.1; others, such as * for every one, need CORRAL_ADMIN_TOKEN)",
  ),
  option(
    "enforcedAuthSchemes",
    "words",
    "schemes",
    "schemes of which every connection must prove one: digest, x509, sasl (default: none)",
    "enforced-auth",
  ),
  option(
    "enforcesQuota",
    "boolean",
    "boolean",
    "whether writes beyond a hard quota are refused, not only logged (default: false)",
    "enforce-quota",
  ),
  option("secureClientPort", "number", "port", "port for clients that speak TLS; 0 takes a free one (default: none)"),
  option("secureHost", "text", "address", "address of the secure port, * for every one (default: that of --host)"),
  option(
    "tlsOnClientPort",
    "boolean",
    "boolean",
    "whether the port for clients takes TLS as well as clear text (default: false)",
  ),
  option(
    "tlsCertFile",
    "text",
    "file",
    "PEM: the server's certificate and those between it and the authority",
    "tls-cert",
  ),
  option("tlsKeyFile", "text", "file", "PEM: its private key (default: it is in the file of --tls-cert)", "tls-key"),
  option("tlsCaFile", "text", "file", "PEM: authorities that clients' certificates may come from", "tls-ca"),
  option(
    "tlsClientAuth",
    "text",
    "who",
    "none, want or need: whether clients must show a certificate (default: need with --tls-ca, else none)",
  ),
  option(
    "adminTls",
    "text",
    "what",
    "none, both (clear text too) or only: whether the admin port speaks TLS (default: none)",
  ),
  option(
    "adminTlsCertFile",
    "text",
    "file",
    "PEM: the admin port's own certificate (default: that of --tls-cert)",
    "admin-tls-cert",
  ),
  option(
    "adminTlsKeyFile",
    "text",
    "file",
    "PEM: its private key (default: it is in the file of --admin-tls-cert)",
    "admin-tls-key",
  ),
  option(
    "adminTlsCaFile",
    "text",
    "file",
    "PEM: authorities that its callers' certificates may come from (default: --tls-ca)",
    "admin-tls-ca",
  ),
  option(
    "adminTlsClientAuth",
    "text",
    "who",
    "none, want or need: whether its callers must show a certificate (default: none)",
  ),
  option("tlsMinVersion", "text", "version", "oldest version spoken, TLSv1.2 or TLSv1.3 (default: TLSv1.2)"),
  option("tlsCiphers", "text", "names", "ciphers as OpenSSL names them, with colons (default: Node's)"),
  option(
    "x509SuperUser",
    "text",
    "subject",
    "subject of the client certificate of who may do everything, such as CN=admin,O=example",
    "x509-super-user",
  ),
  option("saslSuperUser", "text", "user", "the one of the users of SASL who may do everything"),
  option(
    "saslMechanisms",
    "words",
    "names",
    "mechanisms of SASL that are offered, with commas (default: SCRAM-SHA-256,DIGEST-MD5)",
  ),
  {
    ...secret(
      "saslUsers",
      "user:password, or user:verifier (corral-server scram), of each who may use SASL, with commas",
    ),
    kind: "words",
  },
  secret("tlsKeyPassword", "password of the private key, if it is encrypted"),
  secret("adminTlsKeyPassword", "password of the admin port's own private key, if it is encrypted"),
  secret("adminToken", "what callers of the admin port must show, at least 16 characters"),
  option(
    "digestAlgorithm",
    "text",
    "name",
    `what scheme digest makes of passwords: ${Object.keys(digestLengths).join(", ")} (default: SHA1)`,
  ),
  secret("superDigest", "user:digest of who may do everything, as corral-server digest prints it"),
  option(
    "auditEnabled",
    "boolean",
    "boolean",
    "whether writes and failed logins are told in an audit log (default: false)",
    "audit",
  ),
  option("auditFile", "text", "file", "file that the audit log is added to (default: it goes into the server's log)"),
  option("compatibility", "text", "version", "for tests of clients: as this older Apache ZooKeeper"),
];

/** The limits: `--limit name=value`, or a variable for each. */
export const limitOptions: readonly CommandOption[] = Object.keys(defaultLimits).map((name) => ({
  ...option(`limits.${name}`, "number", "number", ""),
  flag: undefined,
}));

/** All settings. */
export const allOptions: readonly CommandOption[] = [...serverOptions, ...limitOptions];

/** Where the config file is. */
export const configVariable = "CORRAL_CONFIG";
/** The same as --memory, if it is `true`. */
export const memoryVariable = "CORRAL_MEMORY";
/** The same as --log-level. */
export const logLevelVariable = "CORRAL_LOG_LEVEL";
