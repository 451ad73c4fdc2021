/**
 * Claiming an item: the claim and the item's next version in one transaction, so that the version counts the deliveries
 * and only one of those who claim it at the same time succeeds. And giving up an item that was delivered too often.
 */
import { type Client, isCoordinationError, isRecoverable, msgpack, type NodeData } from "@corral/client";
import { insist, newTicketGuid, sessionTimeoutIn } from "@corral/recipe-kit";
import type { ItemName } from "./item-name.ts";
import { deadName, type Layout } from "./layout.ts";
import { limits } from "./limits.ts";

/** An item as it was read before it is claimed. */
export interface Item extends NodeData {
  readonly name: ItemName;
}

/** A claim of one's own. */
export interface Claim {
  readonly item: Item;
  /** Of the item, made with the claim: no later delivery has begun while it has this one. */
  readonly version: number;
  /** zxid of the claim. */
  readonly token: bigint;
  readonly sessionId: bigint;
}

/** How often an item was delivered until now. */
export function deliveriesOf({ name, stat }: Item): number {
  return name.earlier + stat.version;
}

/** Reads an item; `undefined` if it is gone. */
export async function readItem(
  client: Client,
  layout: Layout,
  name: ItemName,
  signal: AbortSignal,
): Promise<Item | undefined> {
  try {
    return { name, ...(await insist(client, () => client.get(layout.item(name.name), { signal }), signal)) };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

/**
 * Claims the item as it was read; `undefined` if somebody else was quicker, or the session ended. Goes on until that is
 * known, which is at the end of the session at the latest.
 */
export async function claimItem(
  client: Client,
  layout: Layout,
  item: Item,
  identity: string,
): Promise<Claim | undefined> {
  const { sessionId } = client;
  // Without one, nobody could tell whose the claim is.
  if (sessionId === 0n) return undefined;
  const mark = encodeClaim(newTicketGuid(client.random, client.sessionTimeoutMs), identity);
  for (let isOpen = false; client.sessionId === sessionId; ) {
    try {
      const claim = await claimOnce(client, layout, item, mark);
      return client.sessionId === sessionId ? { ...claim, sessionId } : undefined;
    } catch (error) {
      isOpen ||= isRecoverable(error);
      if (isOpen && (isRecoverable(error) || isCoordinationError(error, "NodeExists"))) {
        const found = await findClaim(client, layout, item, mark, sessionId);
        if (found !== undefined) return found;
      }
      if (isRecoverable(error)) continue;
      if (isCoordinationError(error, "SessionExpired") || isOvertaken(error)) return undefined;
      if (!isCoordinationError(error, "NoNode")) throw error;
      // Of two operations the second fails if the item is gone, the first if there is no place for claims yet.
      if (Reflect.get(error, "index") !== 0) return undefined;
      await insist(client, () => client.ensurePath(layout.taken));
    }
  }
  return undefined;
}

async function claimOnce(client: Client, layout: Layout, item: Item, mark: string): Promise<Omit<Claim, "sessionId">> {
  const { name } = item.name;
  const [, { stat }] = await client
    .transaction()
    .create(layout.claim(name), mark, { mode: "ephemeral" })
    .set(layout.item(name), item.data, { version: item.stat.version })
    .commit();
  return { item, version: stat.version, token: stat.mzxid };
}

/** The claim of a transaction whose reply was lost, if it was made. */
async function findClaim(
  client: Client,
  layout: Layout,
  item: Item,
  mark: string,
  sessionId: bigint,
): Promise<Claim | undefined> {
  const path = layout.claim(item.name.name);
  try {
    const { data, stat } = await insist(client, async () => {
      await client.sync(path);
      return await client.get(path);
    });
    if (data?.toString("utf8") !== mark || stat.ephemeralOwner !== sessionId || client.sessionId !== sessionId) return;
    return { item, version: item.stat.version + 1, token: stat.czxid, sessionId };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

/** Somebody has claimed it, or has claimed it and given it back. */
function isOvertaken(error: unknown): boolean {
  return isCoordinationError(error, "NodeExists") || isCoordinationError(error, "BadVersion");
}

/** What stands in a dead letter's node. */
export interface Obituary {
  readonly reason: string;
  readonly deliveries: number;
  /** What the item was called. */
  readonly name: string;
}

/** The bytes of an obituary. */
export async function encodeObituary({ reason, deliveries, name }: Obituary): Promise<Uint8Array | null> {
  return await msgpack.encode({ reason: reason.slice(0, limits.reason), deliveries, name });
}

/**
 * Moves an item that nobody works on to the dead letters. Whoever claims it at the same moment keeps it: the transaction
 * claims it as well, for as long as it takes. That somebody else was quicker is fine.
 */
export async function buryItem(
  client: Client,
  layout: Layout,
  item: Item,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const { name } = item.name;
  const dead = deadName(name, item.stat.czxid);
  const obituary = await encodeObituary({ reason, deliveries: deliveriesOf(item), name });
  const move = () =>
    client
      .transaction()
      .create(layout.claim(name), null, { mode: "ephemeral" })
      .delete(layout.claim(name))
      .delete(layout.item(name), { version: item.stat.version })
      .create(layout.deadLetter(dead), obituary)
      .create(layout.deadItem(dead), item.data)
      .commit({ signal });
  for (;;) {
    try {
      await insist(client, move, signal);
      return;
    } catch (error) {
      const isGone = isCoordinationError(error, "NoNode") && error.path === layout.item(name);
      if (isGone || isOvertaken(error)) return;
      if (!isCoordinationError(error, "NoNode")) throw error;
      await insist(client, () => client.ensurePath(layout.taken, { signal }), signal);
      await insist(client, () => client.ensurePath(layout.dead, { signal }), signal);
    }
  }
}

const guidLength = 36;

function encodeClaim(guid: string, identity: string): string {
  return `${guid} ${identity}`;
}

/** Who left a claim. */
export interface Claimant {
  /** What was given as `identity`, or what another library has written. */
  readonly identity: string;
  /** Of its session, ms; `undefined`: another library's. */
  readonly sessionTimeoutMs: number | undefined;
}

/** Who left the claim with this data. */
export function decodeClaim(data: Buffer | null): Claimant {
  const text = data?.toString("utf8") ?? "";
  const identity = text.charAt(guidLength) === " " ? text.slice(guidLength + 1) : text;
  return { identity, sessionTimeoutMs: sessionTimeoutIn(text) };
}
