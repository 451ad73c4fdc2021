/** The nodes that entries, claims and queues stand below: containers, which go when a service has no instance any more. */
import { type Client, isCoordinationError } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import type { Layout } from "./layout.ts";

/** Makes what is missing of a service's parents. */
export async function ensureParents(client: Client, layout: Layout, name: string, signal?: AbortSignal): Promise<void> {
  for (const path of [layout.service(name), layout.live(name), layout.ids(name), layout.queue(name)]) {
    await insist(client, () => ensureContainer(client, path, signal), signal);
  }
}

async function ensureContainer(client: Client, path: string, signal?: AbortSignal): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  try {
    await client.create(path, null, { mode: "container", createParents: true, ...options });
  } catch (error) {
    if (isCoordinationError(error, "NodeExists")) return;
    // Servers before 3.5 have none: then it stays.
    if (!isCoordinationError(error, "Unimplemented")) throw error;
    await client.ensurePath(path, options);
  }
}
