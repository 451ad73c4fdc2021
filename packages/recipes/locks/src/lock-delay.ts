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

/**
 * Waits if the last holder was lost, then writes down who holds now. `false`: the ticket is gone meanwhile. Rejects when
 * `signal` aborts; the last holder is still the last then, for whoever comes next.
 */
export async function awaitLockDelay(
  client: Client,
  path: string,
  ticket: Ticket,
  lockDelayMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const last = decode(await read(client, path, signal));
  if (last !== undefined && !last.released && last.token !== ticket.czxid) {
    await sleep(client.clock, lockDelayMs, signal);
    signal.throwIfAborted();
  }
  // Under the ticket's own node: a former holder that wakes up cannot overwrite its successor.
  try {
    await insist(client, () => write(client, path, ticket, false, signal), signal);
    return true;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return false;
    throw error;
  }
}

/** Writes down that the holder left by itself. Not for one that was lost, whatever it does afterwards. */
export async function markReleased(client: Client, path: string, ticket: Ticket): Promise<void> {
  try {
    await insist(client, () => write(client, path, ticket, true));
  } catch (error) {
    // Its node is gone: it did not leave by itself, and that is what the next in line must see.
    if (!isCoordinationError(error, "NoNode") && !isCoordinationError(error, "ClientClosed")) throw error;
  }
}

/** Without the queue there is no ticket either: that is seen by the write. */
async function read(client: Client, path: string, signal: AbortSignal): Promise<Buffer | null> {
  try {
    return (await insist(client, () => client.get(path, { signal }), signal)).data;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return null;
    throw error;
  }
}

async function write(client: Client, path: string, ticket: Ticket, released: boolean, signal?: AbortSignal) {
  await client
    .transaction()
    .check(ticket.path)
    .set(path, encode({ token: ticket.czxid, released }))
    .commit(signal ? { signal } : {});
}
