/**
 * The node that says that a double barrier is open, and for whom. It is made in one transaction with a check of every
 * party that it is made for, so that at that zxid all of them were there; and it goes with the last of them, so that its
 * version, while one of them is there, tells every state of it from every other.
 */
import { type Client, isCoordinationError, type Stat, type WatchOptions } from "@corral/client";
import { insist, type WakeUp } from "@corral/recipe-kit";
import { type Ready, readyName } from "./decide-double.ts";

/** The ready node as it was read. */
export interface ReadyNode extends Ready {
  readonly stat: Stat;
}

/** Reads it, and leaves a watch whether it is there or not. */
export async function watchReady(
  client: Client,
  parent: string,
  wakeUp: WakeUp,
  signal: AbortSignal,
): Promise<ReadyNode | undefined> {
  const path = `${parent}/${readyName}`;
  const options = { watch: wakeUp.watch(path), signal };
  return await insist(
    client,
    async () => {
      for (;;) {
        const ready = await readReady(client, parent, options);
        // A read leaves its watch only on a node that is there.
        if (ready !== undefined || (await client.exists(path, options)) === undefined) return ready;
      }
    },
    signal,
  );
}

/** Reads it, once. */
export async function readReady(
  client: Client,
  parent: string,
  options: WatchOptions = {},
): Promise<ReadyNode | undefined> {
  try {
    const { data, stat } = await client.get(`${parent}/${readyName}`, options);
    return { members: decodeMembers(data), stat };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

/**
 * Writes that the barrier is open for `members`, if `ready` is still what was read and `present` are still there.
 * Whatever comes of it is seen at the next look.
 */
export async function writeReady(
  client: Client,
  parent: string,
  ready: ReadyNode | undefined,
  write: { readonly members: readonly string[]; readonly present: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const path = `${parent}/${readyName}`;
  const data = JSON.stringify({ members: write.members });
  try {
    // Safe to repeat: once it has happened, the node is there, or has another version.
    await insist(
      client,
      async () => {
        const transaction = client.transaction();
        for (const name of write.present) transaction.check(`${parent}/${name}`);
        if (ready === undefined) transaction.create(path, data);
        else transaction.set(path, data, { version: ready.stat.version });
        await transaction.commit({ signal });
      },
      signal,
    );
  } catch (error) {
    if (!hasChangedMeanwhile(error)) throw error;
  }
}

/** Whether a transaction failed because something was not any more as it was read. */
export function hasChangedMeanwhile(error: unknown): boolean {
  return (["NoNode", "NodeExists", "BadVersion"] as const).some((code) => isCoordinationError(error, code));
}

/** What other libraries write there is not ours to read. */
function decodeMembers(data: Buffer | null): readonly string[] | undefined {
  let decoded: unknown;
  try {
    decoded = JSON.parse(data?.toString("utf8") ?? "");
  } catch {
    return undefined;
  }
  if (typeof decoded !== "object" || decoded === null || !("members" in decoded)) return undefined;
  const { members } = decoded;
  return Array.isArray(members) && members.every((name) => typeof name === "string") ? members : undefined;
}
