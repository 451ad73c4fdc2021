/**
 * The variables that begin with CORRAL_: this server's, those of other parts of Corral, and those that an orchestrator sets. Any
 * other is a setting that its operator takes to be in force, and that would be ignored; so the server does not start with it.
 */
import type { ListedEnvironment } from "@corral/io";
import { ConfigError } from "../config.ts";
import { nearestName } from "../nearest-name.ts";
import { allOptions, configVariable, logLevelVariable, memoryVariable } from "./options.ts";

const prefix = "CORRAL_";

/** More are too many to say which is meant. */
const maxMeant = 4;

/** What this server reads. */
const ownVariables: ReadonlySet<string> = new Set([
  ...allOptions.map(({ variable }) => variable),
  configVariable,
  memoryVariable,
  logLevelVariable,
]);

const connectionVariables = [
  ...["CONNECT", "AUTH", "SASL", "SASL_MECHANISM"],
  ...["TLS", "TLS_CA", "TLS_CERT", "TLS_KEY", "TLS_NAME", "TLS_PASSPHRASE"],
];

/** What the client and the command `corral` read; a server may be started beside them. */
const clientVariables: ReadonlySet<string> = new Set([
  ...["", "FROM_", "TO_"].flatMap((side) => connectionVariables.map((name) => `${prefix}${side}${name}`)),
  "CORRAL_ADMIN_TLS_CA",
]);

/** What tests and the demo read, or give to the processes that they start. */
const testVariables: ReadonlySet<string> = new Set([
  "CORRAL_COPIED",
  "CORRAL_DEMO_LEGACY",
  "CORRAL_ENGINES",
  "CORRAL_FAULTS",
  "CORRAL_FLIPS",
  "CORRAL_INSTALLS",
  "CORRAL_KILLS",
  "CORRAL_PEERS",
  "CORRAL_SEED",
  "CORRAL_TEST_MARK",
  "CORRAL_UNREAD",
  "CORRAL_WRITE_DOCS",
]);

/** What Kubernetes sets in every container for services whose names begin with `corral`. */
const serviceVariable = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
const serviceUrl = /^(tcp|udp|sctp):\/\//;

/** What one would derive from a flag, where that is not the variable. */
const fromFlags: ReadonlyMap<string, { readonly flag: string; readonly variable: string; readonly setting: string }> =
  new Map(
    allOptions.flatMap(({ flag, variable, setting }) => {
      const derived = `${prefix}${flag?.replaceAll("-", "_").toUpperCase()}`;
      return flag === undefined || derived === variable ? [] : [[derived, { flag: `--${flag}`, variable, setting }]];
    }),
  );

/** Whether a server may be started where this variable is set. */
export function isKnownVariable(name: string): boolean {
  const isOurs = ownVariables.has(name) || clientVariables.has(name) || testVariables.has(name);
  return isOurs || serviceVariable.test(name);
}

/**
 * Whether the variable is the URL that Kubernetes has for a service: that of one called `corral-client` has the name
 * CORRAL_CLIENT_PORT.
 */
export function isServiceUrl(name: string, value: string): boolean {
  return name.endsWith("_PORT") && serviceUrl.test(value);
}

/**
 * Looks at all variables that begin with CORRAL_. Returns what to warn about; `isGiven` tells whether a setting has a value.
 * @throws ConfigError that names those that nothing reads, and what they are taken for
 */
export function checkVariables(environment: ListedEnvironment, isGiven: (setting: string) => boolean): string[] {
  const warnings: string[] = [];
  const unknown: string[] = [];
  for (const name of [...environment.names()].sort()) {
    const value = environment.get(name);
    if (!name.startsWith(prefix) || value === undefined) continue;
    const derived = fromFlags.get(name);
    if (isServiceUrl(name, value)) {
      if (ownVariables.has(name)) warnings.push(`${name}: is the URL of a service of Kubernetes; it has no effect`);
    } else if (clientVariables.has(name)) {
      if (derived === undefined || isGiven(derived.setting)) continue;
      warnings.push(`${name}: is for clients and has no effect here; for ${derived.flag} set ${derived.variable}`);
    } else if (!isKnownVariable(name)) {
      unknown.push(name);
    }
  }
  if (unknown.length === 0) return warnings;
  throw new ConfigError(`Wrong settings: ${unknown.map(complain).join("; ")}`, unknown);
}

function complain(name: string): string {
  const derived = fromFlags.get(name.toUpperCase());
  if (derived !== undefined) return `${name}: no such variable; for ${derived.flag} set ${derived.variable}`;
  const meant = meantBy(name.slice(prefix.length));
  return meant.length === 0
    ? `${name}: no such variable; unset it (docs/server.md has all of them)`
    : `${name}: no such variable; set ${listed(meant)} if that is meant, and unset this one`;
}

/** The variables that end with the same words, if they are few; otherwise the one that is written most like it. */
function meantBy(rest: string): readonly string[] {
  const longer = [...ownVariables].filter((known) => known.endsWith(`_${rest.toUpperCase()}`));
  if (longer.length > 0 && longer.length <= maxMeant) return longer;
  const names = [...ownVariables].map((known) => known.slice(prefix.length));
  const nearest = nearestName(rest, names);
  return nearest === undefined ? [] : [`${prefix}${nearest}`];
}

function listed(names: readonly string[]): string {
  const others = names.slice(0, -1).join(", ");
  return others === "" ? names.join() : `${others} or ${names.at(-1)}`;
}
