/**
 * A ticket: an ephemeral sequential node of one's own in a queue. Its name holds a GUID, `_c_<guid>-<kind><sequence>` as
 * Curator has it, so that a create whose reply was lost is never repeated blindly: the node is looked for instead. In
 * ours the GUID says the session's timeout too, for `explain()`.
 *
 * Invariant  one call gives one node, or none and leaves none
 * Suspended  it waits on; given up meanwhile, it is given back on the next connection of the same session
 * Lost       it begins afresh under another name: an ephemeral node of the old session is about to vanish
 * Not given  that it is still there: look
 */
import { type Client, isCoordinationError, isRecoverable } from "@corral/client";
import { ensureContainer } from "./container.ts";
import { newTicketGuid } from "./guid.ts";
import { insist } from "./insist.ts";

/** What a ticket's name begins with, as Curator has it. After it comes the GUID. */
export const ticketMark = "_c_";

/** A place in a queue. It lasts as long as the session that took it. */
export interface Ticket {
  readonly path: string;
  /** Last segment of the path. */
  readonly name: string;
  /** zxid of its create: unique, and grows with every ticket of a queue. */
  readonly czxid: bigint;
  readonly sessionId: bigint;
}

/** Which queue, and what the ticket looks like. */
export interface TicketRequest {
  /** The queue. Made if it is missing. */
  readonly parent: string;
  /** Made as a container: it goes when nobody has a ticket any more. Not for a queue that remembers something. */
  readonly container?: boolean | undefined;
  /** What stands before the sequence number, such as `lock-`. */
  readonly kind: string;
  /** Shown to those who look; see `explain`. */
  readonly data: Uint8Array | string;
}

/** A ticket, and the queue as it was seen right after it was taken; no names if it was not seen. */
export interface TicketInQueue {
  readonly ticket: Ticket;
  readonly names: readonly string[] | undefined;
}

/**
 * Takes a ticket. When `signal` aborts it rejects with the signal's reason, and a ticket that was taken all the same is
 * given back in the background, as soon as there is a connection.
 */
export async function takeTicket(client: Client, request: TicketRequest, signal: AbortSignal): Promise<Ticket> {
  return (await takeAndLook(client, request, signal, async () => undefined)).ticket;
}

/**
 * The same, and reads the queue in one go with it: a server answers a session's requests in order, so a read that is sent
 * right behind the create sees what was created.
 */
export async function takeTicketInQueue(
  client: Client,
  request: TicketRequest,
  signal: AbortSignal,
): Promise<TicketInQueue> {
  return await takeAndLook(client, request, signal, () => childrenOrNone(client, request.parent, signal));
}

type Look = () => Promise<readonly string[] | undefined>;

async function takeAndLook(
  client: Client,
  request: TicketRequest,
  signal: AbortSignal,
  look: Look,
): Promise<TicketInQueue> {
  const { parent } = request;
  for (;;) {
    signal.throwIfAborted();
    const sessionId = client.sessionId;
    const guid = newTicketGuid(client.random, sessionId === 0n ? 0 : client.sessionTimeoutMs);
    try {
      const taken = await createOnce(client, request, `${ticketMark}${guid}-`, signal, look);
      // Made by a session that has ended meanwhile, it is about to vanish: worse than none.
      if (taken !== undefined && taken.ticket.sessionId === client.sessionId) return taken;
    } catch (error) {
      if (signal.aborted) void giveBack(client, parent, `${ticketMark}${guid}-`, sessionId);
      throw error;
    }
  }
}

/** Creates the node, or finds out that it was created. `undefined`: the session changed, begin afresh. */
async function createOnce(
  client: Client,
  { parent, container = false, kind, data }: TicketRequest,
  prefix: string,
  signal: AbortSignal,
  look: Look,
): Promise<TicketInQueue | undefined> {
  const ensureParent = () =>
    container ? ensureContainer(client, parent, signal) : client.ensurePath(parent, { signal });
  const sessionId = client.sessionId;
  for (;;) {
    try {
      const creating = client.create2(childPath(parent, prefix + kind), data, {
        mode: "ephemeralSequential",
        signal,
      });
      // What it fails of, the create or the next look fails of as well.
      const looking = look().catch(() => undefined);
      const made = await creating;
      const ticket = toTicket(made.path, made.stat.czxid, made.stat.ephemeralOwner);
      const names = await looking;
      // Without the ticket it was read before it, or the ticket is gone: that is for a look of its own to tell.
      return { ticket, names: names?.includes(ticket.name) ? names : undefined };
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) {
        await insist(client, ensureParent, signal);
      } else if (isRecoverable(error)) {
        const found = await findOwn(client, parent, prefix, signal);
        if (found !== undefined) return { ticket: found, names: undefined };
        // Not there, on the same session and after a sync: it was not made and will not be. Otherwise nobody knows.
        if (client.sessionId !== sessionId) return undefined;
      } else if (isCoordinationError(error, "SessionExpired")) {
        return undefined;
      } else {
        throw error;
      }
    }
  }
}

async function findOwn(
  client: Client,
  parent: string,
  prefix: string,
  signal: AbortSignal,
): Promise<Ticket | undefined> {
  return await insist(
    client,
    async () => {
      await client.sync(parent, { signal });
      const name = (await childrenOrNone(client, parent, signal)).find((child) => child.startsWith(prefix));
      if (name === undefined) return undefined;
      const stat = await client.exists(childPath(parent, name), { signal });
      return stat === undefined ? undefined : toTicket(childPath(parent, name), stat.czxid, stat.ephemeralOwner);
    },
    signal,
  );
}

/** The path of the node `name` below `parent`, which may be the root. */
export function childPath(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}

/** The names below `parent`; none if it does not exist. */
export async function childrenOrNone(client: Client, parent: string, signal?: AbortSignal): Promise<string[]> {
  try {
    return await client.children(parent, signal ? { signal } : {});
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return [];
    throw error;
  }
}

function toTicket(path: string, czxid: bigint, sessionId: bigint): Ticket {
  return { path, name: path.slice(path.lastIndexOf("/") + 1), czxid, sessionId };
}

/**
 * Deletes every node below `parent` whose name starts with `prefix`, however long it takes to get through; done when
 * none is left, or when the session that may have made one is over, for then they go with it. Never rejects.
 */
async function giveBack(client: Client, parent: string, prefix: string, sessionId: bigint): Promise<void> {
  const isOver = (): boolean => client.state === "closed" || (client.sessionId !== sessionId && sessionId !== 0n);
  try {
    await insist(client, async () => {
      if (isOver()) return;
      await client.sync(parent);
      const own = (await childrenOrNone(client, parent)).filter((name) => name.startsWith(prefix));
      for (const name of own) await deleteIfThere(client, childPath(parent, name));
    });
  } catch (err) {
    if (!isCoordinationError(err, "ClientClosed")) {
      client.logger.warn({ err, parent, prefix }, "an abandoned node could not be deleted; it goes with its session");
    }
  }
}

/** Gives a ticket back. Resolves when it is certainly gone, or its session is. */
export async function returnTicket(client: Client, ticket: Ticket): Promise<void> {
  try {
    await insist(client, async () => {
      if (client.sessionId === ticket.sessionId) await deleteIfThere(client, ticket.path);
    });
  } catch (error) {
    // A closed client has ended its session, and the node with it.
    if (!isCoordinationError(error, "ClientClosed")) throw error;
  }
}

/** The same in the background: for whoever must not wait, because the connection may be down. */
export function abandonTicket(client: Client, ticket: Ticket): void {
  returnTicket(client, ticket).catch((err: unknown) =>
    client.logger.warn(
      { err, path: ticket.path },
      "an abandoned ticket could not be deleted; it goes with its session",
    ),
  );
}

async function deleteIfThere(client: Client, path: string): Promise<void> {
  try {
    await client.delete(path);
  } catch (error) {
    if (!isCoordinationError(error, "NoNode")) throw error;
  }
}
