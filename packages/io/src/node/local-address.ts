/** What this machine knows of its own addresses. */
import { hostname, networkInterfaces } from "node:os";

/** The first address that is not internal, IPv4 before IPv6 and no link-local one; the host's name if there is none. */
export function nodeLocalAddress(): string {
  const addresses = Object.values(networkInterfaces())
    .flatMap((of) => of ?? [])
    .filter(({ internal, family, address }) => !internal && !(family === "IPv6" && address.startsWith("fe80")));
  const chosen = addresses.find(({ family }) => family === "IPv4") ?? addresses[0];
  return chosen?.address ?? hostname();
}

/** The address to listen on for all that the machine has: `::`, which takes IPv4 as well, or `0.0.0.0` where there is no IPv6. */
export function nodeEveryAddress(): "::" | "0.0.0.0" {
  const addresses = Object.values(networkInterfaces()).flatMap((of) => of ?? []);
  return addresses.some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}
