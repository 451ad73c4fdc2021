/**
 * Taking an entry out again, with its claim and its marks: all in one transaction, and nothing that is somebody else's
 * meanwhile. Where the claim has gone before, what is left of the same session is touched by nobody else; and an entry that
 * has outlived its session is removed only if nobody has marked its id.
 */
import { type Client, isCoordinationError, type Transaction } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import type { Entered, Entrance } from "./enter.ts";
import { isDynamic } from "./instance.ts";
import type { Layout } from "./layout.ts";

/** What may be there of a registration. */
interface Traces {
  /** Where the entry is, and by what it is known to be the own one. */
  readonly entry: { readonly path: string; readonly isOwn: (entry: Found) => boolean } | undefined;
  readonly claimPath: string;
  readonly idPath: string;
  readonly holderPath: string | undefined;
  /** Whose claim it is. */
  readonly sessionId: bigint;
  /** Whether the entry outlives its session. */
  readonly persistent: boolean;
}

interface Found {
  readonly path: string;
  readonly version: number;
  readonly czxid: bigint;
  readonly ephemeral: boolean;
  readonly data: Buffer | null;
}

/**
 * Withdraws a registration. Resolves when its entry is certainly gone, or is going with its session. `withEntry: false`
 * leaves the entry, with nobody behind it.
 */
export async function withdraw(
  client: Client,
  entered: Entered,
  options: { readonly persistent: boolean; readonly withEntry: boolean },
): Promise<void> {
  const { path, claimPath, idPath, holderPath, czxid, sessionId } = entered;
  const { persistent, withEntry } = options;
  const entry = withEntry ? { path, isOwn: (found: Found) => found.czxid === czxid } : undefined;
  await remove(client, { entry, claimPath, idPath, holderPath, sessionId, persistent });
}

/**
 * Withdraws whatever an attempt to enter has made that was given up; however long it takes to get through. What it made of
 * ephemeral nodes goes with its session at the latest. Never rejects.
 */
export async function sweep(
  client: Client,
  layout: Layout,
  entrance: Entrance,
  claim: string,
  sessionId: bigint,
): Promise<void> {
  const { name, id, data, serviceType, exclusive } = entrance;
  const persistent = !isDynamic(serviceType);
  // An entry that outlives its session is known by its data, which tells who and when.
  const bytes = Buffer.from(data);
  const claimPath = layout.claim(name, claim);
  try {
    const claimStat = await insist(client, async () => {
      await client.sync(layout.base);
      return await client.exists(claimPath);
    });
    const isOwn = ({ czxid, ephemeral, data: found }: Found): boolean =>
      claimStat === undefined ? !ephemeral && found?.equals(bytes) === true : czxid === claimStat.czxid;
    const path = await entryPath(client, layout, entrance, claimStat?.czxid);
    const entry = path === undefined ? undefined : { path, isOwn };
    const idPath = layout.idMark(name, id);
    const holderPath = exclusive ? layout.holder(name) : undefined;
    await remove(client, { entry, claimPath, idPath, holderPath, sessionId, persistent });
  } catch (err) {
    if (isCoordinationError(err, "ClientClosed") && !persistent) return;
    client.logger.warn({ err, service: name, id }, "an abandoned registration could not be withdrawn");
  }
}

/** A sequential entry has a name that only the server knew: it was made together with its claim. */
async function entryPath(
  client: Client,
  layout: Layout,
  { name, id, serviceType }: Entrance,
  czxid: bigint | undefined,
): Promise<string | undefined> {
  if (serviceType !== "DYNAMIC_SEQUENTIAL") return layout.entry(name, id);
  if (czxid === undefined) return undefined;
  return await insist(client, async () => {
    try {
      for (const one of await client.children(layout.service(name))) {
        if (!one.startsWith(id)) continue;
        const path = layout.entry(name, one);
        if ((await client.exists(path))?.czxid === czxid) return path;
      }
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
    return undefined;
  });
}

async function remove(client: Client, traces: Traces): Promise<void> {
  try {
    await insist(client, async () => {
      // Until nothing is left, or what is left goes with its session.
      for (;;) {
        if (client.sessionId !== traces.sessionId && !traces.persistent) return;
        const transaction = await removal(client, traces);
        if (transaction === undefined || (await committed(transaction))) return;
      }
    });
  } catch (error) {
    // A closed client has ended its session, and what was ephemeral with it.
    if (!isCoordinationError(error, "ClientClosed") || traces.persistent) throw error;
  }
}

/** `undefined`: there is nothing left of it. */
async function removal(client: Client, traces: Traces): Promise<Transaction | undefined> {
  const { entry, claimPath, idPath, holderPath, sessionId } = traces;
  // In this order: a claim that was taken over was so together with the rest.
  const [claim, foundEntry, idMark, holder] = await Promise.all([
    client.exists(claimPath),
    entry && nodeOrNone(client, entry.path),
    nodeOrNone(client, idPath),
    holderPath === undefined ? undefined : nodeOrNone(client, holderPath),
  ]);
  const ownEntry = foundEntry !== undefined && entry?.isOwn(foundEntry) ? foundEntry : undefined;
  const transaction: Transaction = client.transaction();
  if (client.sessionId !== sessionId) {
    if (ownEntry === undefined || ownEntry.ephemeral) return undefined;
    return transaction.create(idPath).delete(idPath).delete(ownEntry.path, { version: ownEntry.version });
  }
  const claimName = claimPath.slice(claimPath.lastIndexOf("/") + 1);
  const marks = [idMark, holder].filter((mark) => mark?.data?.toString("utf8") === claimName);
  const left = [ownEntry, ...marks].filter((node) => node !== undefined);
  if (claim === undefined && left.length === 0) return undefined;
  if (claim !== undefined) transaction.delete(claimPath);
  for (const { path, version } of left) transaction.delete(path, { version });
  return transaction;
}

async function nodeOrNone(client: Client, path: string): Promise<Found | undefined> {
  try {
    const { data, stat } = await client.get(path);
    return { path, data, czxid: stat.czxid, ephemeral: stat.ephemeralOwner !== 0n, version: stat.version };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

/** `false`: something of it has changed since it was looked at. */
async function committed(transaction: Transaction): Promise<boolean> {
  try {
    await transaction.commit();
    return true;
  } catch (error) {
    if (["NoNode", "BadVersion", "NodeExists"].some((code) => isCoordinationError(error) && error.code === code)) {
      return false;
    }
    throw error;
  }
}
