/**
 * Lock-delay, as Chubby and Consul have it: whoever comes after a holder that was lost, not one that released, waits a
 * while, so that a holder which has not noticed yet can finish or stop. The queue's own node remembers the last holder.
 */
import { type Client, isCoordinationError } from "@corral/client";
import { insist, sleep, type Ticket } from "@corral/recipe-kit";

interface LastHolder {
  readonly token: bigint;
  readonly released: boolean;
}

function encode({ token, released }: LastHolder): string {
  return `${released ? "released" : "held"} ${token}`;
}

function decode(data: Buffer | null): LastHolder | undefined {
  const match = /^(held|released) (\d+)$/.exec(data?.toString("utf8") ?? "");
  return match?.[2] === undefined ? undefined : { token: BigInt(match[2]), released: match[1] === "released" };
}

/** Waits if the last holder was lost, then writes down who holds now. Rejects when `signal` aborts. */
export async function awaitLockDelay(
  client: Client,
  path: string,
  ticket: Ticket,
  lockDelayMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { data } = await insist(client, () => client.get(path, { signal }), signal);
  const last = decode(data);
  if (last !== undefined && !last.released && last.token !== ticket.czxid) {
    await sleep(client.clock, lockDelayMs, signal);
    signal.throwIfAborted();
  }
  // Under the ticket's own node: a former holder that wakes up cannot overwrite its successor.
  await insist(client, () => write(client, path, ticket, false, signal), signal);
}

/** Writes down that the holder left by itself. */
export async function markReleased(client: Client, path: string, ticket: Ticket): Promise<void> {
  try {
    await insist(client, () => write(client, path, ticket, true));
  } catch (error) {
    // Its node is gone: it did not leave by itself, and that is what the next in line must see.
    if (!isCoordinationError(error, "NoNode") && !isCoordinationError(error, "ClientClosed")) throw error;
  }
}

async function write(client: Client, path: string, ticket: Ticket, released: boolean, signal?: AbortSignal) {
  await client
    .transaction()
    .check(ticket.path)
    .set(path, encode({ token: ticket.czxid, released }))
    .commit(signal ? { signal } : {});
}
