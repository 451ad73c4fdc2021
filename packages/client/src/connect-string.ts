/**
 * Connect strings: `host[:port](,host[:port])*[/chroot]`, IPv6 addresses in brackets; or `srv:service[/chroot]`, a service
 * whose hosts are in DNS.
 */
import { type Address, formatAddress } from "@corral/io";
import { pathProblem } from "@corral/protocol";
import { BadArgumentsError } from "./errors.ts";

/** ZooKeeper's registered port. */
export const defaultPort = 2181;

const servicePrefix = "srv:";

/** A connect string taken apart. */
export interface ConnectTarget {
  /** In the order in which they were written, each once. None if it is a service. */
  readonly hosts: readonly Address[];
  /** The name of SRV records in DNS, such as `_corral._tcp.example.org`. */
  readonly service?: string;
  /** `/app`, or the empty string. */
  readonly chroot: string;
}

/**
 * Takes a connect string apart.
 * @throws BadArgumentsError naming the part that is wrong and what to write instead.
 */
export function parseConnectString(connectString: string): ConnectTarget {
  const refuse = (detail: string, remedy: string) =>
    new BadArgumentsError({ operation: `connect to ${JSON.stringify(connectString)}`, detail, remedy });
  const example = 'Write "host1:2181,host2:2181", with "/chroot" at the end if needed.';

  if (typeof connectString !== "string" || connectString.trim() === "") {
    throw refuse("the connect string names no host", example);
  }
  if (connectString.includes("://")) throw refuse("a connect string has no scheme", example);

  const trimmed = connectString.trim();
  const slash = trimmed.indexOf("/");
  const chroot = slash < 0 || slash === trimmed.length - 1 ? "" : trimmed.slice(slash);
  const problem = chroot === "" ? undefined : pathProblem(chroot);
  if (problem !== undefined) throw refuse(`the chroot ${chroot} is not a valid path: ${problem}`, example);

  const servers = slash < 0 ? trimmed : trimmed.slice(0, slash);
  if (servers.startsWith(servicePrefix)) {
    const service = servers.slice(servicePrefix.length);
    if (/^_[\w-]+\._(tcp|udp)\.[\w.-]+$/.test(service)) return { hosts: [], service, chroot };
    throw refuse(`"${service}" is not the name of SRV records`, 'Write "srv:_corral._tcp.example.org".');
  }
  const hosts = new Map<string, Address>();
  for (const part of servers.split(",")) {
    const address = parseHost(part.trim(), refuse);
    hosts.set(formatAddress(address), address);
  }
  return { hosts: [...hosts.values()], chroot };
}

function parseHost(part: string, refuse: (detail: string, remedy: string) => Error): Address {
  const bareIpv6 = !part.startsWith("[") && part.split(":").length > 2;
  const match = bareIpv6 ? null : /^(?:\[([^\]]*)\]|([^[\]:]*))(?::(.*))?$/.exec(part);
  if (match === null) {
    throw refuse(`"${part}" is not a host`, `Write an IPv6 address in brackets: "[::1]:${defaultPort}".`);
  }
  const host = match[1] ?? match[2] ?? "";
  if (host === "") throw refuse(`"${part}" names no host`, 'Write "host:port", with one comma between two hosts.');
  if (/\s/.test(host)) throw refuse(`"${part}" has a blank in it`, "Separate hosts with commas.");
  const port = match[3] === undefined ? defaultPort : Number(match[3]);
  if (match[3] === "" || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw refuse(`"${match[3]}" in "${part}" is not a port`, "A port is a number from 1 to 65535.");
  }
  return { host, port };
}
