/** The nodes that entries, claims and queues stand below: containers, which go when a service has no instance any more. */
import type { Client } from "@corral/client";
import { ensureContainer, insist } from "@corral/recipe-kit";
import type { Layout } from "./layout.ts";

/** Makes what is missing of a service's parents. */
export async function ensureParents(client: Client, layout: Layout, name: string, signal?: AbortSignal): Promise<void> {
  for (const path of [layout.service(name), layout.live(name), layout.ids(name), layout.queue(name)]) {
    await insist(client, () => ensureContainer(client, path, signal), signal);
  }
}
