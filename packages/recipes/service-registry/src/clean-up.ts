/** Taking out entries that are not one's own. */
import { type Client, isCoordinationError, type Transaction } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import { decodeEntry } from "./entry-json.ts";
import { isMalformedEntryError } from "./errors.ts";
import { readClaims } from "./explain.ts";
import type { ServiceType } from "./instance.ts";
import type { Layout } from "./layout.ts";
import { nodeOrNone, readNames, readNodes } from "./read-instances.ts";

/** Which entries are stale. */
export interface SweepOptions {
  /** Not written for longer than that, ms, by the server's stamps and this machine's wall clock. */
  readonly olderThanMs: number;
  /** Only those of this service. Default: of all. */
  readonly service?: string | undefined;
}

/** See `ServiceRegistry.remove`. */
export async function removeEntry(
  client: Client,
  layout: Layout,
  name: string,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  let attempts = 0;
  for (;;) {
    const removed = await insist(
      client,
      async () => {
        attempts++;
        const entry = await nodeOrNone(client, layout.entry(name, id), signal);
        // Not there at a later attempt, it may have been an earlier one of our own that took it, whose answer was lost.
        if (entry === undefined) return attempts > 1;
        const claims = await readClaims(client, layout, name, signal);
        const claim = claims.find(({ stat }) => stat.czxid === entry.stat.czxid);
        const transaction: Transaction = client.transaction().delete(entry.path, { version: entry.stat.version });
        if (claim !== undefined) transaction.delete(layout.claim(name, claim.name));
        for (const path of [layout.idMark(name, id), layout.holder(name)]) {
          const mark = claim && (await nodeOrNone(client, path, signal));
          if (mark === undefined || mark.data?.toString("utf8") !== claim?.name) continue;
          transaction.delete(path, { version: mark.stat.version });
        }
        return (await happened(transaction, signal)) ? true : undefined;
      },
      signal,
    );
    if (removed !== undefined) return removed;
  }
}

/** See `ServiceRegistry.sweepStatic`. */
export async function sweepStatic(
  client: Client,
  layout: Layout,
  { olderThanMs, service }: SweepOptions,
  signal: AbortSignal,
): Promise<string[]> {
  const swept: string[] = [];
  for (const name of service === undefined ? await readNames(client, layout, signal) : [service]) {
    const claims = await readClaims(client, layout, name, signal);
    for (const { path, data, stat } of await readNodes(client, layout.service(name), signal)) {
      const idPath = layout.idMark(name, path.slice(path.lastIndexOf("/") + 1));
      const isHeld = stat.ephemeralOwner !== 0n || claims.some((claim) => claim.stat.czxid === stat.czxid);
      const isStale = client.clock.wallMs() - stat.mtimeMs > olderThanMs;
      if (isHeld || !isStale || typeOf(data) !== "STATIC") continue;
      // Written meanwhile, it has another version, and stays; so it does if somebody has marked its id.
      const transaction = client.transaction().create(idPath).delete(idPath).delete(path, { version: stat.version });
      let attempts = 0;
      const isSwept = await insist(
        client,
        async () => {
          attempts++;
          if (await happened(transaction, signal)) return true;
          // As above.
          return attempts > 1 && (await nodeOrNone(client, path, signal)) === undefined;
        },
        signal,
      );
      if (isSwept) swept.push(path);
    }
  }
  return swept;
}

function typeOf(data: Buffer | null): ServiceType | undefined {
  try {
    return decodeEntry(data).fields.serviceType;
  } catch (error) {
    if (isMalformedEntryError(error)) return undefined;
    throw error;
  }
}

/** `false`: something of it has changed since it was looked at. */
async function happened(transaction: Transaction, signal: AbortSignal): Promise<boolean> {
  try {
    await transaction.commit({ signal });
    return true;
  } catch (error) {
    if (["NoNode", "BadVersion", "NodeExists"].some((code) => isCoordinationError(error) && error.code === code)) {
      return false;
    }
    throw error;
  }
}
