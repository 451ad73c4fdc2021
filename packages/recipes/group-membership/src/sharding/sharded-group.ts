/**
 * Shards divided among the members of a group, and divided anew as members come and go: each shard has one owner at a
 * time, and an owner's successor begins only when it has ended.
 *
 * ```ts
 * const group = new ShardedGroup(client, "/indexers", { shards: ["a-f", "g-m", "n-z"], name: "indexer-1" });
 * await group.run(async ({ shard, signal, wanted, fencingToken }) => {
 *   while (!wanted.aborted) await indexSome(shard, { signal, fencingToken });
 * }, { signal: shutdown });
 * ```
 *
 * Znodes     <path>/party/_c_<guid>-<name>-member-<seq>: ephemeral, one per member
 *            <path>/plan: persistent, which shard is to be whose
 *            <path>/locks/<shard>/_c_<guid>-lock-<seq>: ephemeral; the first owns the shard. As kazoo's SetPartitioner has
 *            its locks, and as any mutex at that path: holding one keeps the shard from everybody
 * Invariant  at any zxid a shard has at most one owner; when nobody comes or goes any more, and every holder releases what
 *            is wanted of it, each shard comes to be owned by the one that the plan names, all evenly
 * Wake-up    the member that came first plans, and alone watches the party; each of the others watches the one before it.
 *            A new plan wakes everybody, for it concerns everybody; a shard's release wakes the one who waits for it
 * Suspended  a shard is owned until its grant's deadline
 * Lost       the shards go to others; their grants' signals have aborted; taking part goes on in the new session
 * Not given  that a paused former owner has stopped: fencingToken and guard() are for that. An owner at every moment:
 *            while a shard is handed over it has none
 */
import type { Client } from "@corral/client";
import {
  beginWait,
  type Contender,
  childrenOrNone,
  contenders,
  insist,
  isGrantLostError,
  recipePath,
  takeTicket,
  type WaitOptions,
} from "@corral/recipe-kit";
import { checkName } from "../membership/layout.ts";
import { lockKind, memberNames } from "./decide.ts";
import { Participation, partyRequest } from "./participation.ts";
import { type PartitionFunction, partition } from "./partition.ts";
import { readPlan } from "./plan.ts";
import type { ShardGrant } from "./shard-grant.ts";

/** Of a sharded group. */
export interface ShardedGroupOptions {
  /** What there is to divide: names of nodes. The same for all; where they differ, those of the oldest member hold. */
  readonly shards: readonly string[];
  /**
   * By what the plan knows this member. With the same name after a restart it gets the same shards again. Two with one
   * name share a share: one owns, the other stands by.
   */
  readonly name: string;
  /** How to divide, the same for all. Default: evenly, and moving as little as can be. */
  readonly partition?: PartitionFunction | undefined;
  /** The plan is made anew when members have come and gone, and then nobody for so long, ms. Default 0. */
  readonly settleMs?: number | undefined;
  /** How long a holder may take to release a shard that is wanted, ms, before it is taken from it. Default: for ever. */
  readonly handOverMs?: number | undefined;
  /** What a broken connection means for owned shards. `hold` (default): nothing before the deadline. `abort`: the end. */
  readonly whenSuspended?: "hold" | "abort" | undefined;
}

/** One shard as people want to see it. */
export interface ShardExplanation {
  readonly shard: string;
  /** Whose it is to be. */
  readonly planned: string | undefined;
  /** Who has it, and who waits for it; `data` is the name. */
  readonly owner: Contender | undefined;
  readonly waiters: readonly Contender[];
}

/** Shards divided at one path; see the head of this file. */
export class ShardedGroup {
  readonly path: string;
  readonly #client: Client;
  readonly #options: ShardedGroupOptions;

  /** Remembers; nothing is sent before a call. @throws TypeError for shards or a name that no node can be named. */
  constructor(client: Client, path: string, options: ShardedGroupOptions) {
    this.path = recipePath("ShardedGroup", path);
    checkName(options.name);
    for (const shard of options.shards) checkName(shard, "A shard");
    this.#client = client;
    this.#options = options;
  }

  /**
   * Takes part from now on. Resolves when the others know; shards come one by one, see `shards$`, and are to be released
   * when they are `wanted`. `run()` sees to that by itself.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError; it does not take part then
   */
  async join(wait: WaitOptions = {}): Promise<Participation> {
    const client = this.#client;
    const { path } = this;
    const { shards, name, partition: divide = partition, settleMs = 0, handOverMs, whenSuspended } = this.#options;
    using limit = beginWait(client, "Taking part in", path, wait);
    const ticket = await takeTicket(client, partyRequest(path, name), limit.signal);
    const parts = { client, path, shards, name, partition: divide, settleMs, handOverMs, whenSuspended };
    return new Participation(parts, ticket);
  }

  /**
   * Takes part, and runs `fn` for each shard that is owned, until `signal` aborts; resolves when every `fn` has ended. `fn`
   * is to end when `wanted` aborts, and at once when the grant's `signal` does; ending earlier, it keeps the shard. When
   * it rejects while it owns its shard, `run` leaves and rejects with that.
   * @throws ClientClosedError, or whatever else keeps it from taking part
   */
  async run(
    fn: (grant: ShardGrant) => void | Promise<void>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    if (signal.aborted) return;
    const participation = await this.#joinUnless(signal);
    if (participation === undefined) return;
    const begun = new WeakSet<ShardGrant>();
    const runs: Promise<void>[] = [];
    const failed = new AbortController();
    const onFailure = (error: unknown): void => failed.abort(error);
    participation.shards$.subscribe({
      next: (grants) => {
        for (const grant of grants.filter((one) => !begun.has(one))) {
          begun.add(grant);
          runs.push(runWith(grant, fn).catch(onFailure));
        }
      },
      error: onFailure,
    });
    await aborted(AbortSignal.any([signal, failed.signal, participation.signal]));
    await participation.leave();
    await Promise.all(runs);
    if (failed.signal.aborted) throw failed.signal.reason;
    // Nobody has asked for the end: the client was closed.
    if (!signal.aborted) throw participation.signal.reason;
  }

  /** Who takes part, and of each shard whose it is to be, who has it and who waits. */
  async explain(
    wait: WaitOptions = {},
  ): Promise<{ readonly members: readonly string[]; readonly shards: readonly ShardExplanation[] }> {
    const client = this.#client;
    using limit = beginWait(client, "The explanation of", this.path, wait);
    const { signal } = limit;
    const look = async (): Promise<string[]> => {
      await client.sync(this.path, { signal });
      return await childrenOrNone(client, `${this.path}/party`, signal);
    };
    const tickets = await insist(client, look, signal);
    const { owners } = await readPlan(client, `${this.path}/plan`, { signal });
    const shards = await Promise.all(
      [...new Set([...this.#options.shards, ...owners.keys()])].sort().map(async (shard) => {
        const [owner, ...waiters] = await contenders(
          client,
          `${this.path}/locks/${shard}`,
          [lockKind, "__lock__"],
          signal,
        );
        return { shard, planned: owners.get(shard), owner, waiters };
      }),
    );
    return { members: memberNames(tickets), shards };
  }

  async #joinUnless(signal: AbortSignal): Promise<Participation | undefined> {
    try {
      return await this.join({ signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }
}

/** Rejects with what `fn` rejects with, unless the shard was lost by then: what fails because of that fails for that. */
async function runWith(grant: ShardGrant, fn: (grant: ShardGrant) => void | Promise<void>): Promise<void> {
  try {
    await fn(grant);
    await aborted(AbortSignal.any([grant.wanted, grant.signal]));
  } catch (error) {
    if (grant.held || !isGrantLostError(grant.signal.reason)) throw error;
  } finally {
    await grant.release();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
