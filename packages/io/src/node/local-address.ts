/** The address under which others can reach this machine, as far as it can know. */
import { hostname, networkInterfaces } from "node:os";

/** The first address that is not internal, IPv4 before IPv6 and no link-local one; the host's name if there is none. */
export function nodeLocalAddress(): string {
  const addresses = Object.values(networkInterfaces())
    .flatMap((of) => of ?? [])
    .filter(({ internal, family, address }) => !internal && !(family === "IPv6" && address.startsWith("fe80")));
  const chosen = addresses.find(({ family }) => family === "IPv4") ?? addresses[0];
  return chosen?.address ?? hostname();
}
