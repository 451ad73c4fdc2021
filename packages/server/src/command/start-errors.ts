/** Why a server did not start, in its operator's words. */
import { everyHost, isDirectoryInUseError } from "@corral/io";
import { ConfigError, type ServerSettings } from "../config.ts";
import { StorageError } from "../storage/storage-error.ts";
import { inOperatorsWords } from "./settings.ts";

/** What Node's errors of files and ports tell beside their code. */
interface SystemError extends NodeJS.ErrnoException {
  readonly port?: number;
  readonly address?: string;
  /** The name that was looked up in vain. */
  readonly hostname?: string;
}

/** One that the server was to open. */
interface Listener {
  readonly portSetting: "clientPort" | "secureClientPort" | "adminPort";
  readonly hostSetting: "host" | "secureHost" | "adminHost";
  readonly port: number;
  readonly host: string;
}

/** One sentence: what was tried, what is in the way, what to do. `nameOf` is how the operator calls a setting. */
export function explainStart(error: unknown, settings: ServerSettings, nameOf: (setting: string) => string): string {
  const known = error instanceof ConfigError || error instanceof StorageError || isDirectoryInUseError(error);
  const origin = (error instanceof StorageError ? (error.cause ?? error) : error) as SystemError;
  const { code, path, address, hostname } = origin;
  const { dataDir } = settings;
  const { portSetting, hostSetting, port, host } = listenerOf(origin, settings);
  switch (code) {
    case "EADDRINUSE": {
      const twin = twinOf({ portSetting, hostSetting, port, host }, settings);
      return twin === undefined
        ? `Port ${port} is in use by another program. Stop it, or choose another port with ${nameOf(portSetting)}.`
        : `${nameOf(portSetting)} and ${nameOf(twin.portSetting)} are both port ${port}. Choose another for one of them.`;
    }
    case "EADDRNOTAVAIL":
    case "ENOTFOUND": {
      const found = address === undefined || address === host ? "" : ` (${address})`;
      return `${hostname ?? host}${found} is no address of this machine. Choose another with ${nameOf(hostSetting)}.`;
    }
    case "EAI_AGAIN":
      return `${hostname ?? host} could not be looked up (${code}). Try again, or give an address with ${nameOf(hostSetting)}.`;
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return path === undefined
        ? `Port ${port} may not be used by this user. Choose one above 1023 with ${nameOf(portSetting)}.`
        : `${path} cannot be written (${code}). Make it writable for this user, or choose another directory with ${nameOf("dataDir")}.`;
    case "ENOENT":
      return `${path ?? dataDir} cannot be made there. Choose another place with ${nameOf("dataDir")}.`;
    case "ENOTDIR":
    case "EEXIST":
      return `${path ?? dataDir} is not a directory. Choose another place with ${nameOf("dataDir")}.`;
    case "EISDIR":
    case "ESPIPE":
    case "ENXIO":
      return isNoFile(path ?? dataDir);
    case "ENOSPC":
      return `There is no space left for ${path ?? dataDir}. Free some, or choose another place with ${nameOf("dataDir")}.`;
    default:
      if (error instanceof ConfigError) return inOperatorsWords(error, nameOf);
      return known ? error.message : `The server cannot start: ${origin instanceof Error ? origin.message : origin}`;
  }
}

/** Something else has a name that a server gives to its files. */
export function isNoFile(path: string | undefined): string {
  return `${path} is no file, but has the name of one of the server's. Move it out of the directory.`;
}

/** As addresses, the system has for every one. */
const every = ["0.0.0.0", "::"];

/** In the order in which they are opened, with the defaults of `config.ts`. */
function listenersOf(settings: ServerSettings): readonly Listener[] {
  const { host = "127.0.0.1", clientPort = 0, clientPortEnabled, secureClientPort, secureHost } = settings;
  const { adminPort, adminHost = "127.0.0.1" } = settings;
  const secure =
    secureHost === undefined ? { hostSetting: "host", host } : { hostSetting: "secureHost", host: secureHost };
  const all = [
    {
      portSetting: "clientPort",
      hostSetting: "host",
      port: clientPortEnabled === false ? undefined : clientPort,
      host,
    },
    { portSetting: "secureClientPort", port: secureClientPort, ...secure },
    { portSetting: "adminPort", hostSetting: "adminHost", port: adminPort, host: adminHost },
  ];
  return all.filter((one): one is Listener => one.port !== undefined);
}

/** The one that could not be opened, as far as the error tells. */
function listenerOf({ port, address, hostname }: SystemError, settings: ServerSettings): Listener {
  const listeners = listenersOf(settings);
  const at = hostname ?? address ?? "";
  const named = listeners.filter(({ host }) => host === at || (host === everyHost && every.includes(at)));
  if (hostname !== undefined && named[0] !== undefined) return named[0];
  // Of a port that the system was to choose Node tells the address alone.
  const atPort = listeners.filter((one) => (port ?? 0) === one.port);
  const none: Listener = { portSetting: "clientPort", hostSetting: "host", port: port ?? 0, host: address ?? "" };
  return (
    atPort.find((one) => named.includes(one)) ??
    // Given by a name then, and not by an address of its own.
    atPort.find(({ host }) => !isAddress(host)) ??
    atPort[0] ??
    named[0] ??
    listeners[0] ??
    none
  );
}

/** Another that was to have the same port, on the same address. */
function twinOf(listener: Listener, settings: ServerSettings): Listener | undefined {
  const isEvery = (host: string): boolean => host === everyHost || every.includes(host);
  return listenersOf(settings).find(
    ({ portSetting, port, host }) =>
      portSetting !== listener.portSetting &&
      port !== 0 &&
      port === listener.port &&
      (host === listener.host || isEvery(host) || isEvery(listener.host)),
  );
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host);
}
