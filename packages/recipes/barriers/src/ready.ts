/**
 * The node that says that a double barrier is open, and for whom. It is made in one transaction with a check of every
 * party that it is made for, so that at that zxid all of them were there.
 */
import { type Client, isCoordinationError, type Stat } from "@corral/client";
import { insist, type WakeUp } from "@corral/recipe-kit";
import { type Ready, readyName } from "./decide-double.ts";

/** The ready node as it was read. */
export interface ReadyNode extends Ready {
  readonly stat: Stat;
}

/** Reads it, and leaves a watch whether it is there or not. */
export async function readReady(
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
        try {
          const { data, stat } = await client.get(path, options);
          return { openedFor: decodeReady(data), stat };
        } catch (error) {
          if (!isCoordinationError(error, "NoNode")) throw error;
        }
        // A read leaves its watch only on a node that is there.
        if ((await client.exists(path, options)) === undefined) return undefined;
      }
    },
    signal,
  );
}

/** Opens the barrier for `parties` if all of them are still there. Whatever comes of it is seen at the next look. */
export async function openFor(
  client: Client,
  parent: string,
  parties: readonly string[],
  ready: ReadyNode | undefined,
  signal: AbortSignal,
): Promise<void> {
  const path = `${parent}/${readyName}`;
  const data = encodeReady(parties);
  try {
    // Safe to repeat: once it has happened, the node is there, or has another version.
    await insist(
      client,
      async () => {
        const transaction = client.transaction();
        for (const name of parties) transaction.check(`${parent}/${name}`);
        if (ready === undefined) transaction.create(path, data);
        else transaction.set(path, data, { version: ready.stat.version });
        await transaction.commit({ signal });
      },
      signal,
    );
  } catch (error) {
    const changedMeanwhile = (["NoNode", "NodeExists", "BadVersion"] as const).some((code) =>
      isCoordinationError(error, code),
    );
    if (!changedMeanwhile) throw error;
  }
}

function encodeReady(parties: readonly string[]): string {
  return JSON.stringify({ openedFor: parties });
}

/** What other libraries write there is not ours to read. */
function decodeReady(data: Buffer | null): readonly string[] | undefined {
  let decoded: unknown;
  try {
    decoded = JSON.parse(data?.toString("utf8") ?? "");
  } catch {
    return undefined;
  }
  if (typeof decoded !== "object" || decoded === null || !("openedFor" in decoded)) return undefined;
  const { openedFor } = decoded;
  return Array.isArray(openedFor) && openedFor.every((name) => typeof name === "string") ? openedFor : undefined;
}
