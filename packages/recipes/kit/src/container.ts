/** Parents that go by themselves: containers, which the server deletes when their last child has gone. */
import { type Client, isCoordinationError } from "@corral/client";

/**
 * Makes a container, and what is missing above it; fine if something is there. Persistent on servers that have none. Safe
 * to repeat.
 */
export async function ensureContainer(client: Client, path: string, signal?: AbortSignal): Promise<void> {
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
