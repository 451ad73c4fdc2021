/** DNS behind the `Resolver` port. */

// The whole module: dns.setServers() replaces its functions, and one imported by name would go on asking the old ones.
import dns from "node:dns/promises";
import type { Resolver } from "../ports/resolver.ts";

/** Asks the name servers that the system is configured with, each time anew. */
export const nodeResolver: Resolver = {
  services: async (name) => {
    const records = await dns.resolveSrv(name);
    return records.map(({ name: host, port, priority, weight }) => ({ host, port, priority, weight }));
  },
};
