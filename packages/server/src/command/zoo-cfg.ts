/** A `zoo.cfg` as it is, turned into settings of this server, with what has to be said about the rest. */
import { everyHost } from "@corral/io";
import { authSchemes, ConfigError } from "../config.ts";
import { parseProperties } from "./properties.ts";
import { type SettingKind, type ZooCfgKey, zooCfgKeys, zooCfgPrefixes } from "./zoo-cfg-keys.ts";
import { readServerLine } from "./zoo-cfg-server.ts";
import { readTlsVersions } from "./zoo-cfg-tls.ts";

/** What a file says. */
export interface ZooCfg {
  /** Values by the name of the setting, limits with a dot before theirs. */
  readonly settings: ReadonlyMap<string, { readonly value: unknown; readonly key: string }>;
  /** Sentences for the operator: keys without effect here, and unknown ones. */
  readonly warnings: readonly string[];
}

/**
 * Reads the text of a `zoo.cfg`. Who names no address listens on every one; the admin port stays closed
 * unless `admin.serverPort` is given, and on this machine unless an address is. With a `secureClientPort` alone no port for
 * clear text is opened.
 * @throws ConfigError that names the key
 */
export function readZooCfg(text: string): ZooCfg {
  const settings = new Map<string, { value: unknown; key: string }>([
    ["host", { value: everyHost, key: "clientPortAddress" }],
  ]);
  const warnings: string[] = [];
  const writtenAs = new Map<string, string>();
  const entries = new Map<string, string>();
  for (const [written, value] of parseProperties(text)) {
    // Some write the system property's name, which Apache would then not find.
    const key = written.replace(/^zookeeper\./, "");
    writtenAs.set(key, written);
    entries.delete(key);
    entries.set(key, value);
  }
  const said = (key: string): string => writtenAs.get(key) ?? key;
  const servers = [...entries.keys()].filter((key) => /^server\.\d+$/.test(key));
  if (servers.length > 1) {
    throw refusal(servers[0] ?? "", "there is no ensemble yet; leave one server, which then runs alone");
  }
  if (servers[0] !== undefined) takeClientsPart(servers[0], entries, writtenAs);
  if (entries.has("secureClientPort")) {
    settings.set("secureHost", { value: everyHost, key: "secureClientPortAddress" });
    if (!entries.has("clientPort") && !entries.has("clientPortAddress")) {
      settings.set("clientPortEnabled", { value: false, key: "clientPort" });
      // Of the port that a flag or a variable may open all the same.
      settings.set("host", { value: "127.0.0.1", key: "clientPortAddress" });
      warnings.push("clientPort: not given, so no port for clear text is opened unless --client-port asks for one");
    }
  }
  const isAdminOff = entries.get("admin.enableServer")?.toLowerCase() === "false";
  const enforcement = entries.get("enforce.auth.enabled");
  // Apache takes whatever it does not know for false, and then lets everybody in.
  const enforcesAuth =
    enforcement !== undefined && convert(said("enforce.auth.enabled"), "boolean", enforcement) === true;
  const forcesHttps = entries.get("admin.forceHttps")?.toLowerCase() === "true";
  if (enforcesAuth) refuseWithoutSchemes(entries.get("enforce.auth.schemes"), said);
  for (const [key, value] of entries) {
    const written = said(key);
    if (isAdminOff && key === "admin.serverPort") continue;
    if (!enforcesAuth && key === "enforce.auth.schemes") {
      // As with Apache; but who wrote the schemes alone may think that the door is shut.
      if (!entries.has("enforce.auth.enabled"))
        warnings.push(`${written}: nobody has to authenticate without enforce.auth.enabled=true; it has no effect`);
      continue;
    }
    if (forcesHttps && key === "admin.portUnification") continue;
    // As with Apache, the protocol is what is enabled where nothing else is.
    if (key === "ssl.protocol" && entries.has("ssl.enabledProtocols")) continue;
    const known = servers.includes(key) ? { needless: "this server runs alone" } : lookUp(key);
    if (known === undefined) {
      warnings.push(`${written}: no such key in zoo.cfg; it has no effect`);
    } else if ("setting" in known) {
      if (value === known.unless) continue;
      const { below1, below1Warning, most } = known;
      const isBelow1 = below1 !== undefined && /^(-\d+|0+|0x0+)$/i.test(value);
      if (isBelow1 && below1Warning !== undefined && Number(entries.get(below1Warning.with)) > 0)
        warnings.push(`${written}: ${below1Warning.text}; it has no effect`);
      if (isBelow1 && below1 === "not given") continue;
      let converted = isBelow1 ? below1 : convert(written, known.as, value, warnings);
      if (most !== undefined && Number(converted) > most) {
        warnings.push(`${written}: ${most} is the most that can be had; it is taken`);
        converted = most;
      }
      if (known.ifTrue === undefined) settings.set(known.setting, { value: converted, key: written });
      else if (converted === true) settings.set(known.setting, { value: known.ifTrue, key: written });
    } else if ("missing" in known) {
      if (!known.unless?.test(value)) warnings.push(`${written}: ${known.missing}; it has no effect`);
    } else if ("refused" in known && value.toLowerCase() !== known.unless) {
      throw refusal(written, known.refused);
    }
  }
  if (settings.has("clientPortEnabled") && settings.delete("tlsOnClientPort")) {
    warnings.push("client.portUnification: there is no clientPort to speak TLS on; it has no effect");
  }
  const [dataDir, dataLogDir] = [entries.get("dataDir"), entries.get("dataLogDir")];
  const isSame = dataLogDir !== undefined && dataLogDir === dataDir;
  return { settings, warnings: isSame ? warnings.filter((text_) => !text_.startsWith("dataLogDir")) : warnings };
}

/** What the only server's line says of the port for clients, as if the file had said it by the keys for that. */
function takeClientsPart(server: string, entries: Map<string, string>, writtenAs: Map<string, string>): void {
  const name = writtenAs.get(server) ?? server;
  const line = readServerLine(entries.get(server) ?? "");
  if ("problem" in line) throw refusal(name, line.problem);
  const take = (key: string, value: string | undefined, isSame: (other: string) => boolean): void => {
    if (value === undefined) return;
    const other = entries.get(key);
    if (other !== undefined && !isSame(other))
      throw refusal(writtenAs.get(key) ?? key, `${other} is not ${value}, as ${name} has it: leave out one of them`);
    entries.set(key, value);
    writtenAs.set(key, name);
  };
  take("clientPort", line.port, (other) => Number(other) === Number(line.port));
  take("clientPortAddress", line.host, (other) => other === line.host || other === "0.0.0.0" || other === "::");
}

function refuseWithoutSchemes(schemes: string | undefined, said: (key: string) => string): void {
  if (schemes === undefined) throw refusal("enforce.auth.enabled", "needs enforce.auth.schemes");
  if (words(schemes).length > 0) return;
  const remedy = `name some of ${authSchemes.join(", ")}, or leave out ${said("enforce.auth.enabled")}`;
  throw refusal(said("enforce.auth.schemes"), `names no scheme: ${remedy}`);
}

function words(value: string): readonly string[] {
  return value.split(/[\s,]+/).filter((word) => word !== "");
}

function lookUp(key: string): ZooCfgKey | undefined {
  if (Object.hasOwn(zooCfgKeys, key)) return zooCfgKeys[key];
  return zooCfgPrefixes.find(([prefix]) => key.startsWith(prefix))?.[1];
}

function convert(key: string, as: SettingKind, value: string, warnings: string[] = []): unknown {
  switch (as) {
    case "text":
      return value;
    case "address to listen on":
      // Java listens on every address of both families where it is told any of one.
      return ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"].includes(value) ? everyHost : value;
    case "lower case":
      return value.toLowerCase();
    case "words":
      return words(value);
    case "boolean":
      if (!/^(true|false)$/i.test(value)) throw refusal(key, "must be true or false");
      return value.toLowerCase() === "true";
    case "TLS versions": {
      const { oldest, said } = readTlsVersions(value);
      if (oldest === undefined) throw refusal(key, said.join("; "));
      warnings.push(...said.map((text) => `${key}: ${text}`));
      return oldest;
    }
    case "number":
    case "kibibytes": {
      // Java reads jute.maxbuffer in any of its notations.
      if (!/^(\d+|0x[\da-f]+)$/i.test(value))
        throw refusal(key, `must be a whole number, not ${JSON.stringify(value)}`);
      return as === "kibibytes" ? Number(value) * 1_024 : Number(value);
    }
  }
}

function refusal(key: string, text: string): ConfigError {
  return new ConfigError(`Wrong settings: ${key}: ${text}`, [key]);
}
