/** Looking at a proposal and at those who are asked about it. */
import { type Client, isCoordinationError, type Stat } from "@corral/client";
import { childrenOrNone, insist, queueOrder } from "@corral/recipe-kit";
import type { Subscriber } from "./decide.ts";
import { ProposalUnreadableError } from "./errors.ts";
import { decodeProposal, decodeSubscriber, type ProposalRecord } from "./records.ts";
import type { Settings } from "./store.ts";

/** What stands before the sequence number in a subscriber's name. */
export const subscriberKind = "subscriber-";

/** A subscriber, and which write of its node was read. */
export interface SeenSubscriber extends Subscriber {
  readonly stat: Stat;
}

/** The slot for proposals. Its version only grows, whichever proposals it has held. */
export interface Slot {
  readonly record: ProposalRecord | undefined;
  readonly version: number;
}

/** Everything that an activation depends on. */
export interface Look {
  readonly slot: Slot;
  readonly subscribers: readonly SeenSubscriber[];
  /** Moves when somebody joins. */
  readonly subscribersVersion: number;
  /** The version of the configuration. */
  readonly version: number;
}

/** Looks at it all, not older than when it was asked for. @throws ProposalUnreadableError */
export async function lookAt<I, T>(settings: Settings<I, T>, signal: AbortSignal): Promise<Look> {
  const { client, layout } = settings;
  const attempt = async (): Promise<Look> => {
    // Sent at once and answered in this order: who joins after its parent was read moves the parent's version.
    const [, slot, stat, parent, names] = await Promise.all([
      client.sync(layout.root, { signal }),
      readSlotOnce(client, layout.proposal, signal),
      client.exists(layout.root, { signal }),
      client.exists(layout.subscribers, { signal }),
      childrenOrNone(client, layout.subscribers, signal),
    ]);
    const subscribers = await readSubscribers(settings, names, signal);
    return { slot, subscribers, subscribersVersion: parent?.version ?? 0, version: stat?.version ?? 0 };
  };
  return await insist(client, attempt, signal);
}

/** What is proposed. @throws ProposalUnreadableError */
export async function readSlot<I, T>({ client, layout }: Settings<I, T>, signal: AbortSignal): Promise<Slot> {
  return await insist(client, () => readSlotOnce(client, layout.proposal, signal), signal);
}

async function readSlotOnce(client: Client, path: string, signal: AbortSignal): Promise<Slot> {
  try {
    const { data, stat } = await client.get(path, { signal });
    return { record: proposalIn(path, data), version: stat.version };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return { record: undefined, version: 0 };
    throw error;
  }
}

function proposalIn(path: string, data: Uint8Array | null): ProposalRecord | undefined {
  try {
    return decodeProposal(data);
  } catch (error) {
    throw new ProposalUnreadableError(path, error);
  }
}

/** All who are asked, in the order in which they came. */
async function readSubscribers<I, T>(
  { client, layout }: Settings<I, T>,
  names: readonly string[],
  signal: AbortSignal,
): Promise<SeenSubscriber[]> {
  const inOrder = queueOrder(names, [subscriberKind]);
  const found = await Promise.all(
    inOrder.map(({ name }) => readSubscriber(client, layout.subscriber(name), name, signal)),
  );
  return found.filter((one) => one !== undefined);
}

/** `undefined`: it has just left. */
async function readSubscriber(
  client: Client,
  path: string,
  name: string,
  signal: AbortSignal,
): Promise<SeenSubscriber | undefined> {
  try {
    const { data, stat } = await client.get(path, { signal });
    return { name, ...decodeSubscriber(data), stat };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}
