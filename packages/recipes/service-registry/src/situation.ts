/** What a registration finds in the tree. */
import { type Client, isCoordinationError, type Stat, type Watcher } from "@corral/client";
import type { EntryRequest, Mark, Situation } from "./decide-entry.ts";
import type { Layout } from "./layout.ts";

/** The situation, and the own entry if there is one. */
export interface Finding {
  readonly situation: Situation;
  /** The claim's session: an older one's is as good as gone. */
  readonly ownSessionId: bigint | undefined;
  readonly entered: { readonly path: string; readonly czxid: bigint } | undefined;
}

interface LookOptions {
  readonly signal: AbortSignal;
  /** The watcher for a node or a list of which a change could change the decision. */
  readonly watch: (path: string) => Watcher;
}

/** Looks at everything that decides about an entry. */
export async function look(
  client: Client,
  layout: Layout,
  name: string,
  request: EntryRequest,
  options: LookOptions,
): Promise<Finding> {
  const { id, claim, sequential, exclusive } = request;
  const { signal, watch } = options;
  const path = layout.entry(name, id);
  // Asked for at once, answered in this order: what comes later is at least as new.
  const [ownClaim, entry, idMark, holder, names] = await Promise.all([
    client.exists(layout.claim(name, claim), { signal }),
    sequential ? undefined : client.exists(path, { signal, watch: watch(path) }),
    sequential ? undefined : readMark(client, layout, name, layout.idMark(name, id), options),
    readMark(client, layout, name, layout.holder(name), options),
    exclusive || sequential ? namesOf(client, layout.service(name), options) : [],
  ]);
  const entered = ownClaim && (await ownEntry(client, layout, name, request, ownClaim, entry, names, signal));
  return {
    situation: {
      own: ownClaim === undefined ? "nothing" : entered === undefined ? "name" : "entry",
      entry: entry && { version: entry.version, ephemeral: entry.ephemeralOwner !== 0n },
      idMark,
      holder,
      members: names.filter((one) => sequential || one !== id),
    },
    ownSessionId: ownClaim?.ephemeralOwner,
    entered,
  };
}

/** A claim and its entry are made in one transaction, and so bear the same czxid. */
async function ownEntry(
  client: Client,
  layout: Layout,
  name: string,
  { id, sequential }: EntryRequest,
  { czxid }: Stat,
  entry: Stat | undefined,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Finding["entered"]> {
  if (!sequential) return entry?.czxid === czxid ? { path: layout.entry(name, id), czxid } : undefined;
  for (const one of names.filter((candidate) => candidate.startsWith(id)).toReversed()) {
    const path = layout.entry(name, one);
    if ((await client.exists(path, { signal }))?.czxid === czxid) return { path, czxid };
  }
  return undefined;
}

async function readMark(
  client: Client,
  layout: Layout,
  name: string,
  path: string,
  { signal, watch }: LookOptions,
): Promise<Mark | undefined> {
  try {
    const { data, stat } = await client.get(path, { signal, watch: watch(path) });
    const claim = data?.toString("utf8") ?? "";
    const isAlive = claim !== "" && (await client.exists(layout.claim(name, claim), { signal })) !== undefined;
    return { claim, isAlive, isOwn: stat.ephemeralOwner === client.sessionId, version: stat.version };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

async function namesOf(client: Client, path: string, { signal, watch }: LookOptions): Promise<string[]> {
  try {
    return await client.children(path, { signal, watch: watch(path) });
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return [];
    throw error;
  }
}
