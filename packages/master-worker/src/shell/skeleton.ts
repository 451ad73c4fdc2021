/** The persistent nodes under which everything happens. Whoever comes first makes them. */
import type { Client } from "@corral/client";
import type { Layout } from "../core/layout.ts";
import { inFlight } from "./flow.ts";

/**
 * Creates what is missing of the group's persistent nodes. All processes of a group may race here: a node that exists
 * is fine. Looks first, so that a process that may not create them gets along with those that are there.
 * Rejects with what creating them rejects with (NoAuthError, …), or with the signal's reason.
 */
export async function ensureSkeleton(client: Client, layout: Layout, signal: AbortSignal): Promise<void> {
  const paths = layout.skeleton;
  const found = await inFlight(paths.length, paths, (path) => client.exists(path, { signal }));
  for (const [index, path] of paths.entries()) {
    if (found[index] === undefined) await client.ensurePath(path, { signal });
  }
}
