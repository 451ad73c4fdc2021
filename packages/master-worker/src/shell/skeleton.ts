/** The persistent nodes under which everything happens. Whoever comes first makes them. */
import type { Client } from "@corral/client";
import type { Layout } from "../core/layout.ts";

/**
 * Creates what is missing of the group's persistent nodes. All processes of a group may race here: a node that exists
 * is fine. Rejects with what creating them rejects with (NoAuthError, …), or with the signal's reason.
 */
export async function ensureSkeleton(client: Client, layout: Layout, signal: AbortSignal): Promise<void> {
  for (const path of layout.skeleton) await client.ensurePath(path, { signal });
}
