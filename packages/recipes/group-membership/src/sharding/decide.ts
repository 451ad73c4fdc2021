/** Who plans, what the plan is, and what it means for one's own shards. Pure. */
import { type Decision, decideInTurn, queueOrder } from "@corral/recipe-kit";
import type { Owners, PartitionFunction } from "./partition.ts";

/** What stands before the sequence number of a member's ticket. */
export const memberKind = "-member-";

/** Locks of this library and Curator's, and kazoo's: all of them keep each other out. */
const lockKinds = ["lock-", "__lock__"];

/** What stands before the sequence number of a ticket for a shard's lock. */
export const lockKind = "lock-";

/** `_c_`, a GUID and a hyphen stand before a member's name in its ticket. */
const markLength = 40;

/** The names of the members who hold these tickets. Two with one name are one to the plan; the second stands by. */
export function memberNames(tickets: readonly string[]): string[] {
  const names = queueOrder(tickets, [memberKind]).map(({ name }) =>
    name.slice(markLength, name.lastIndexOf(memberKind)),
  );
  return [...new Set(names)].sort();
}

/** Who came first plans; everybody else waits for the one right before, so that a departure makes one planner. */
export function decidePlanner(tickets: readonly string[], own: string): Decision {
  return decideInTurn(tickets, [memberKind], own);
}

/** The first in a shard's queue owns it. */
export function decideShard(names: readonly string[], own: string): Decision {
  return decideInTurn(names, lockKinds, own);
}

/**
 * The plan that should be, or `undefined` if `previous` is as good.
 * @throws Error if `divide` gives a shard to nobody, or to somebody who is not a member
 */
export function decidePlan(
  shards: readonly string[],
  members: readonly string[],
  previous: Owners,
  divide: PartitionFunction,
): Owners | undefined {
  // Nobody is there to write down that there is nobody; what was planned last is where the next ones begin.
  if (members.length === 0) return undefined;
  const next = divide(shards, members, previous);
  for (const shard of shards) {
    const owner = next.get(shard);
    if (owner === undefined || !members.includes(owner)) {
      throw new Error(`The partition function gave the shard ${shard} to ${owner ?? "nobody"}, who is not a member.`);
    }
  }
  const isSame = next.size === previous.size && [...next].every(([shard, owner]) => previous.get(shard) === owner);
  return isSame ? undefined : next;
}

/** What to begin and what to end, so that one comes to own what the plan says. `mine`: owned, or contended for. */
export function decideShards(
  plan: Owners,
  own: string,
  mine: Iterable<string>,
): { readonly begin: readonly string[]; readonly end: readonly string[] } {
  const have = new Set(mine);
  const planned = [...plan].filter(([, owner]) => owner === own).map(([shard]) => shard);
  return {
    begin: planned.filter((shard) => !have.has(shard)),
    end: [...have].filter((shard) => plan.get(shard) !== own),
  };
}
