/** Doing something until it is done, through broken connections: as the client does it. */
import { type Client, insist as insistWithPatience } from "@corral/client";

export { isInterruption } from "@corral/client";

/**
 * Repeats `attempt` while it fails for want of a connection or a session. Only for what may safely be done twice: reads,
 * and writes that are idempotent by name. Rejects with the signal's reason when that aborts.
 */
export async function insist<T>(client: Client, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return await insistWithPatience(client, signal, attempt);
}
