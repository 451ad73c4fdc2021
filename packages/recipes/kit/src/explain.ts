/** Who holds and who waits: the queue as it is now, for people. */
import { type Client, isCoordinationError } from "@corral/client";
import { sessionTimeoutIn } from "./guid.ts";
import { insist } from "./insist.ts";
import { queueOrder } from "./queue-order.ts";
import { childPath, childrenOrNone, ticketMark } from "./ticket.ts";

/** Somebody in a queue. */
export interface Contender {
  readonly path: string;
  /** What the contender left in its node to be known by. */
  readonly data: Buffer | null;
  readonly sessionId: bigint;
  /**
   * Of its session as it came, ms: so long after the server has last heard of it, it is gone. `undefined`: another
   * library's, or it came before its session was known.
   */
  readonly sessionTimeoutMs: number | undefined;
  /** When it came, wall clock of the server, ms since 1970. */
  readonly sinceMs: number;
  /** zxid of its node's create. */
  readonly czxid: bigint;
}

/** Everybody in the queue below `parent` whose node is of one of `kinds`, in order of arrival. */
export async function contenders(
  client: Client,
  parent: string,
  kinds: readonly string[],
  signal?: AbortSignal,
): Promise<Contender[]> {
  const names = await insist(client, () => childrenOrNone(client, parent, signal), signal);
  const found = await Promise.all(
    queueOrder(names, kinds).map(({ name }) => insist(client, () => contender(client, parent, name, signal), signal)),
  );
  return found.filter((c) => c !== undefined);
}

/** `undefined`: it left while we looked. */
async function contender(
  client: Client,
  parent: string,
  name: string,
  signal?: AbortSignal,
): Promise<Contender | undefined> {
  const path = childPath(parent, name);
  try {
    const { data, stat } = await client.get(path, signal ? { signal } : {});
    return {
      path,
      data,
      sessionId: stat.ephemeralOwner,
      sessionTimeoutMs: sessionTimeoutIn(name.slice(ticketMark.length)),
      sinceMs: stat.ctimeMs,
      czxid: stat.czxid,
    };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}
