/** What is in a queue, who works on what, and who waits: as it is now, for people. */
import { type Client, isCoordinationError } from "@corral/client";
import { type Contender, childrenOrNone, contenders, insist } from "@corral/recipe-kit";
import { chooseItems, waitingItems } from "./choose-items.ts";
import { decodeClaim } from "./claim.ts";
import { type ItemOrder, parseItemName } from "./item-name.ts";
import type { Layout } from "./layout.ts";
import { limits } from "./limits.ts";
import { lineKinds } from "./line.ts";
import type { ServerTime } from "./server-time.ts";

/** An item in a queue. */
export interface ExplainedItem {
  readonly name: string;
  /** When it was put, or put back at the end, ms since 1970 by the server's clock. */
  readonly sinceMs: number;
  /** How often it was delivered until now. */
  readonly deliveries: number;
}

/** An item that somebody works on. */
export interface ExplainedDelivery extends ExplainedItem {
  /** What its consumer gave as `identity`. */
  readonly identity: string;
  readonly sessionId: bigint;
  /** Of that session, ms: when the consumer dies, the item is free about so long afterwards. `undefined`: another library's. */
  readonly sessionTimeoutMs: number | undefined;
  /** Since when its consumer has had it. */
  readonly takenMs: number;
}

/** A queue as people want to see it. */
export interface QueueExplanation {
  /** Items that wait to be taken and may be. */
  readonly ready: number;
  /** Items that may not be taken yet, and when the first of them may. */
  readonly delayed: number;
  readonly nextDueMs: number | undefined;
  /** Items that are being worked on. */
  readonly taken: number;
  readonly dead: number;
  /** The next to be delivered, a hundred of them at most. */
  readonly next: readonly ExplainedItem[];
  /** Who works on what, a hundred at most. */
  readonly deliveries: readonly ExplainedDelivery[];
  /** Consumers that wait for an item, and producers that wait for room, in the order in which they are served. */
  readonly waitingConsumers: readonly Contender[];
  readonly waitingProducers: readonly Contender[];
  /** Nodes among the items that are none. */
  readonly foreign: readonly string[];
}

/** Looks at the queue. */
export async function explainQueue(
  client: Client,
  layout: Layout,
  order: ItemOrder,
  serverTime: ServerTime,
  signal: AbortSignal,
): Promise<QueueExplanation> {
  const list = (path: string) => insist(client, () => childrenOrNone(client, path, signal), signal);
  const [taken, entries, waitingConsumers, waitingProducers, dead] = await Promise.all([
    list(layout.taken),
    list(layout.entries),
    contenders(client, layout.takers, lineKinds, signal),
    contenders(client, layout.putters, lineKinds, signal),
    insist(client, () => client.exists(layout.dead, { signal }), signal),
  ]);
  const waiting = waitingItems({ entries, taken });
  const nowMs = waiting.some(({ dueMs }) => dueMs > 0) ? await serverTime.atLeastMs(signal) : 0;
  const { ready, nextDueMs } = chooseItems(waiting, order, nowMs);
  const some = <T>(all: readonly T[]) => all.slice(0, limits.explained);
  const [next, deliveries] = await Promise.all([
    Promise.all(some(ready).map(({ name }) => explainItem(client, layout, name, signal))),
    Promise.all(some(taken).map((name) => explainDelivery(client, layout, name, signal))),
  ]);
  return {
    ready: ready.length,
    delayed: waiting.length - ready.length,
    nextDueMs,
    taken: taken.length,
    dead: dead?.numChildren ?? 0,
    next: next.filter((item) => item !== undefined),
    deliveries: deliveries.filter((delivery) => delivery !== undefined),
    waitingConsumers,
    waitingProducers,
    foreign: entries.filter((name) => parseItemName(name) === undefined),
  };
}

/** `undefined`: it is gone by now. */
async function explainItem(
  client: Client,
  layout: Layout,
  name: string,
  signal: AbortSignal,
): Promise<ExplainedItem | undefined> {
  const stat = await insist(client, () => client.exists(layout.item(name), { signal }), signal);
  if (stat === undefined) return undefined;
  const earlier = parseItemName(name)?.earlier ?? 0;
  return { name, sinceMs: stat.ctimeMs, deliveries: earlier + stat.version };
}

async function explainDelivery(
  client: Client,
  layout: Layout,
  name: string,
  signal: AbortSignal,
): Promise<ExplainedDelivery | undefined> {
  try {
    const [item, { data, stat }] = await Promise.all([
      explainItem(client, layout, name, signal),
      insist(client, () => client.get(layout.claim(name), { signal }), signal),
    ]);
    if (item === undefined) return undefined;
    return { ...item, ...decodeClaim(data), sessionId: stat.ephemeralOwner, takenMs: stat.ctimeMs };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}
