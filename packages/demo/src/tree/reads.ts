/** Single reads of the tree, for which absence is a value, and reads that outlast connection trouble. */
import { type Client, isCoordinationError, isRecoverable, type Stat } from "@corral/client";
import type { Hint } from "./watched.ts";

/** The node's data and stat, or undefined when it is not there; `watch` fires when either changes. */
export async function readNode(
  client: Client,
  path: string,
  watch: Hint | undefined,
  signal: AbortSignal,
): Promise<{ data: Buffer | null; stat: Stat } | undefined> {
  // exists leaves a watch whether the node is there or not, and that one also tells of its data and its end.
  const stat = await client.exists(path, watch === undefined ? { signal } : { watch, signal });
  return stat === undefined ? undefined : await orAbsent(client.get(path, { signal }));
}

/** The names of the node's children, or undefined when it is not there (then `watch` is not armed). */
export async function readChildren(
  client: Client,
  path: string,
  watch: Hint | undefined,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  return await orAbsent(client.children(path, watch === undefined ? { signal } : { watch, signal }));
}

async function orAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) {
      return undefined;
    }
    throw error;
  }
}

/** Reads until an answer comes: after connection trouble, and in the client's next session, it asks again. */
export async function readPersistently<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await read();
    } catch (error) {
      signal.throwIfAborted();
      if (!isRecoverable(error) && !isCoordinationError(error, "SessionExpired")) {
        throw error;
      }
    }
  }
}
