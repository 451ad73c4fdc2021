/** DNS behind the `Resolver` port. */
import { resolveSrv } from "node:dns/promises";
import type { Resolver } from "../ports/resolver.ts";

/** Asks the name servers that the system is configured with, each time anew. */
export const nodeResolver: Resolver = {
  services: async (name) => {
    const records = await resolveSrv(name);
    return records.map(({ name: host, port, priority, weight }) => ({ host, port, priority, weight }));
  },
};
