/** The nodes that a configuration consists of, made where they are missing. */
import { type Acl, isCoordinationError } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import type { Settings } from "./store.ts";

/** Makes what is missing, and leaves what is there. */
export async function makeSkeleton<I, T>(settings: Settings<I, T>, signal: AbortSignal): Promise<void> {
  const { client, layout, acl, subscriberAcl = acl } = settings;
  const make = async (path: string, nodeAcl: readonly Acl[] | undefined): Promise<void> => {
    // Looked for first: who may not create it may still find it there.
    if ((await client.exists(path, { signal })) !== undefined) return;
    try {
      await client.create(path, null, { createParents: true, signal, ...(nodeAcl && { acl: nodeAcl }) });
    } catch (error) {
      if (!isCoordinationError(error, "NodeExists")) throw error;
    }
  };
  await insist(client, () => make(layout.root, acl), signal);
  for (const path of [layout.history, layout.proposal, layout.receipts]) {
    await insist(client, () => make(path, acl), signal);
  }
  await insist(client, () => make(layout.subscribers, subscriberAcl), signal);
}
