/**
 * Flags, environment and config file put together: a flag counts before a variable, a variable before the file. Every
 * value remembers where it came from, so that what is wrong with it can be said in the operator's own words.
 */
import type { ListedEnvironment } from "@corral/io";
import { authSchemes, ConfigError, type ServerSettings } from "../config.ts";
import { allOptions, type CommandOption, configVariable, logLevelVariable, memoryVariable } from "./options.ts";
import { checkVariables, isServiceUrl } from "./variables.ts";
import { readZooCfg } from "./zoo-cfg.ts";
import { zooCfgKeyOf } from "./zoo-cfg-keys.ts";

/** What was gathered. */
export interface Gathered {
  readonly settings: ServerSettings;
  /** Whether nothing is to be kept on disk. */
  readonly memory: boolean;
  readonly logLevel: string | undefined;
  /** What to tell the operator before the start. */
  readonly warnings: readonly string[];
  /** How the operator calls the setting: by a flag, a variable, or a key of a file. */
  nameOf(setting: string): string;
}

/** Where it is gathered from. */
export interface Sources {
  /** Values of flags by setting, limits with a dot before their name. */
  readonly flags: ReadonlyMap<string, unknown>;
  readonly memoryFlag: boolean;
  readonly configFlag: string | undefined;
  readonly environment: ListedEnvironment;
  /** The text of a file. Throws the operating system's error. */
  readonly readFile: (path: string) => string;
}

interface Origin {
  readonly value: unknown;
  readonly name: string;
  readonly rank: number;
}

/** The port that clients of ZooKeeper expect. */
const usualPort = 2181;
const enforced = "enforcedAuthSchemes";
const ranks = { preset: 0, file: 1, variable: 2, flag: 3 } as const;

/** Puts it together. What the values mean is checked by `startServer`. @throws ConfigError */
export function gatherSettings(sources: Sources): Gathered {
  const { flags, environment } = sources;
  const origins = new Map<string, Origin>([
    ["clientPort", { value: usualPort, name: "--client-port", rank: ranks.preset }],
  ]);
  const path = sources.configFlag ?? environment.get(configVariable);
  const warnings: string[] = [];
  if (path !== undefined) addFile(path, sources.readFile, origins, warnings);
  const names = new Set(environment.names());
  for (const option of allOptions) {
    const { setting, variable } = option;
    const text = environment.get(variable);
    if (setting === enforced && names.has(variable)) refuseIfEmpty(splitWords(text ?? ""), variable, "unset it");
    if (text === undefined || isServiceUrl(variable, text)) continue;
    origins.set(setting, { value: parseText(option, text), name: variable, rank: ranks.variable });
  }
  for (const [setting, value] of flags) {
    if (setting === enforced) refuseIfEmpty(value, flagOf(setting), "leave it out");
    origins.set(setting, { value, name: flagOf(setting), rank: ranks.flag });
  }
  warnings.push(...checkVariables(environment, (setting) => origins.has(setting)));
  // A port that is asked for is wanted, whatever a weaker source says.
  const [port, enabled] = [origins.get("clientPort"), origins.get("clientPortEnabled")];
  if (port !== undefined && enabled !== undefined && port.rank > enabled.rank) origins.delete("clientPortEnabled");
  if (path !== undefined && isZooCfg(path)) {
    refuseUnlessPortSaid(path, origins);
    refuseIfAnybodyComesIn(path, origins);
  }
  const memory = wantsMemory(sources, origins);
  if (memory) origins.delete("dataDir");
  return {
    settings: nested(origins),
    memory,
    logLevel: environment.get(logLevelVariable),
    warnings,
    nameOf: (setting) => origins.get(setting)?.name ?? unsaid(setting, path),
  };
}

/** A list that a script has left empty would let everybody in who was to be asked for a name. */
function refuseIfEmpty(schemes: unknown, name: string, remedy: string): void {
  if (!Array.isArray(schemes) || schemes.length > 0) return;
  const said = `names no scheme: name some of ${authSchemes.join(", ")}, or ${remedy}`;
  throw new ConfigError(`Wrong settings: ${name}: ${said}`, [enforced]);
}

/** Apache would serve nobody; the usual port, open to everybody, is not what a file that says nothing can mean. */
function refuseUnlessPortSaid(path: string, origins: ReadonlyMap<string, Origin>): void {
  const isEnabled = origins.get("clientPortEnabled")?.value !== false;
  if (!isEnabled || origins.get("clientPort")?.rank !== ranks.preset) return;
  const remedy = "give one of them there, or --client-port";
  throw new ConfigError(`Wrong settings: ${path}: has neither clientPort nor secureClientPort: ${remedy}`, [path]);
}

/** To Apache `ssl.clientAuth` is `need` where a file does not say it; whoever connects would come in over TLS otherwise. */
function refuseIfAnybodyComesIn(path: string, origins: ReadonlyMap<string, Origin>): void {
  if (origins.has("tlsClientAuth") || origins.has("tlsCaFile")) return;
  const isSpoken = origins.has("secureClientPort") || origins.get("tlsOnClientPort")?.value === true;
  const names = ["secureClientPort", "tlsOnClientPort", "tlsCertFile"];
  if (!isSpoken || !names.some((name) => origins.get(name)?.rank === ranks.file)) return;
  // Without a certificate TLS is not spoken at all, which is told in other words.
  if (!origins.has("tlsCertFile")) return;
  const remedy = `name the authorities of clients' certificates (${unsaid("tlsCaFile", path)}), or say ssl.clientAuth=none`;
  const said = `is need where it is not given, as with Apache ZooKeeper: ${remedy}`;
  throw new ConfigError(`Wrong settings: ${path}: ssl.clientAuth: ${said}`, ["tlsClientAuth"]);
}

/** How a setting that was not given can be. */
function unsaid(setting: string, path: string | undefined): string {
  const key = path !== undefined && isZooCfg(path) ? zooCfgKeyOf(setting) : undefined;
  return key === undefined ? flagOf(setting) : `${key} in ${path}, or ${flagOf(setting)}`;
}

function flagOf(setting: string): string {
  if (setting.startsWith("limits.")) return `--limit ${setting.slice("limits.".length)}`;
  const option = allOptions.find((o) => o.setting === setting);
  return option === undefined ? setting : option.flag === undefined ? option.variable : `--${option.flag}`;
}

function addFile(
  path: string,
  readFile: (path: string) => string,
  origins: Map<string, Origin>,
  warnings: string[],
): void {
  const text = readText(path, readFile);
  const add = (setting: string, value: unknown, key: string): void => {
    origins.set(setting, { value, name: `${key} in ${path}`, rank: ranks.file });
  };
  if (isZooCfg(path)) {
    try {
      const { settings, warnings: said } = readZooCfg(text);
      for (const [setting, { value, key }] of settings) add(setting, value, key);
      warnings.push(...said.map((sentence) => `${path}: ${sentence}`));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new ConfigError(error.message.replace("Wrong settings: ", `Wrong settings: ${path}: `), error.keys);
    }
    return;
  }
  for (const [key, value] of Object.entries(readJson(path, text))) {
    if (key !== "limits" || typeof value !== "object" || value === null) add(key, value, key);
    else for (const [name, limit] of Object.entries(value)) add(`limits.${name}`, limit, `limits.${name}`);
  }
}

function isZooCfg(path: string): boolean {
  return !path.endsWith(".json");
}

function readText(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigError(`Wrong settings: ${path}: cannot be read (${code ?? message})`, [path]);
  }
}

function readJson(path: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`Wrong settings: ${path}: is not JSON: ${(error as Error).message}`, [path]);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(`Wrong settings: ${path}: must be an object of settings`, [path]);
  }
  return value as Readonly<Record<string, unknown>>;
}

/** The value that `text` stands for. @throws ConfigError that names the variable */
function parseText({ kind, variable }: CommandOption, text: string): unknown {
  switch (kind) {
    case "number":
      if (!/^\d+$/.test(text)) throw new ConfigError(`Wrong settings: ${variable}: must be a whole number`, [variable]);
      return Number(text);
    case "boolean":
      if (text !== "true" && text !== "false") {
        throw new ConfigError(`Wrong settings: ${variable}: must be true or false`, [variable]);
      }
      return text === "true";
    case "words":
      return splitWords(text);
    case "text":
      return text;
  }
}

/** Words with commas or spaces between them. */
export function splitWords(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function wantsMemory({ memoryFlag, environment }: Sources, origins: ReadonlyMap<string, Origin>): boolean {
  const variable = environment.get(memoryVariable);
  if (variable !== undefined && variable !== "true" && variable !== "false") {
    throw new ConfigError(`Wrong settings: ${memoryVariable}: must be true or false`, [memoryVariable]);
  }
  const rank = memoryFlag ? ranks.flag : variable === "true" ? ranks.variable : undefined;
  const dataDir = origins.get("dataDir");
  if (rank === undefined || dataDir === undefined) return rank !== undefined;
  if (dataDir.rank !== rank) return rank > dataDir.rank;
  const memory = memoryFlag ? "--memory" : memoryVariable;
  throw new ConfigError(
    `Wrong settings: ${dataDir.name} and ${memory} exclude each other: give the one that you mean`,
    ["dataDir"],
  );
}

function nested(origins: ReadonlyMap<string, Origin>): ServerSettings {
  const settings: Record<string, unknown> = {};
  const limits: Record<string, unknown> = {};
  for (const [setting, { value }] of origins) {
    if (setting.startsWith("limits.")) limits[setting.slice("limits.".length)] = value;
    else settings[setting] = value;
  }
  // Whatever came in as text or JSON is checked by the schema, key by key.
  return { ...settings, ...(Object.keys(limits).length > 0 && { limits }) } as ServerSettings;
}

/** A ConfigError's sentence with every setting called as the operator called it. */
export function inOperatorsWords(error: ConfigError, nameOf: (setting: string) => string): string {
  let text = error.message.replace("Wrong settings: ", "");
  for (const key of error.keys) {
    // One word of a list is called by its number: `fourLetterWords.0`.
    const option = allOptions.find(({ setting }) => key === setting || key.startsWith(`${setting}.`));
    const name = nameOf(option?.setting ?? key);
    const [, index] = /^saslUsers\.(\d+)$/.exec(key) ?? [];
    // A password may have been split there.
    const which =
      index === undefined || name !== option?.variable
        ? ""
        : `user ${Number(index) + 1}, where commas and spaces separate users, `;
    text = text.replace(`${key}: `, `${name}: ${which}`);
  }
  return text;
}
