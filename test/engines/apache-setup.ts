/** One Apache ZooKeeper for a whole run of the recipe suites: started before the first, ended after the last. */
import type { TestProject } from "vitest/node";
import { startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { hasZooKeeper } from "../support/peers.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where it listens; null if there is none on this machine. */
    apacheConnectString: string | null;
  }
}

/** Called by vitest; what it returns is called at the end. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  if (!hasZooKeeper()) {
    provide("apacheConnectString", null);
    return async () => {
      // There is nothing to end.
    };
  }
  const apache = await startApacheZooKeeper({ tickMs: 500 });
  provide("apacheConnectString", apache.connectString);
  return () => apache.close();
}
