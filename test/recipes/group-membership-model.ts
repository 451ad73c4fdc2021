/**
 * Members of a sharded group as the code runs them: join, plan when first, follow the plan, contend for a shard, hold it,
 * release it when it is wanted. Reads and writes are steps of their own, so that anybody can come in between; and a member
 * may die at any of them. That a contender hears when its turn comes is the lock's business, and shown of the mutex.
 */
import {
  decidePlan,
  decidePlanner,
  decideShard,
  decideShards,
  memberNames,
  type Owners,
  partition,
} from "@corral/group-membership";
import type { Model } from "../support/explore.ts";

/** Of a shard that a member wants, has, or is to give back. */
type Claim = "entering" | "queued" | "held" | "asked";

type Planning =
  /** Waits for the party or the plan to change from what it has seen; `null`: has seen nothing yet. */
  | { readonly at: "idle"; readonly seen: string | null }
  | { readonly at: "read party"; readonly tickets: readonly string[] }
  | { readonly at: "write"; readonly version: number; readonly owners: readonly (readonly [string, string])[] };

interface MemberState {
  readonly status: "out" | "in" | "dead";
  readonly planning: Planning;
  /** Version of the plan that it follows; −1: none yet. */
  readonly followed: number;
  readonly plan: readonly (readonly [string, string])[];
  readonly claims: Readonly<Record<string, Claim>>;
}

export interface ShardsState {
  readonly party: readonly string[];
  readonly plan: { readonly version: number; readonly owners: readonly (readonly [string, string])[] } | null;
  /** Lock tickets of each shard, in order. */
  readonly queues: Readonly<Record<string, readonly string[]>>;
  readonly members: readonly MemberState[];
  readonly next: number;
  readonly deaths: number;
}

export interface ShardsRules {
  readonly members: number;
  readonly shards: readonly string[];
  readonly deaths: number;
  /** As shipped, or something else to see what the model finds: whether a shard is contended for before it is owned. */
  readonly contend?: boolean;
}

const mark = (n: number): string => `_c_${String(n).padStart(36, "0")}-`;
const sequence = (n: number): string => String(n).padStart(10, "0");

export function shardsModel({ members, shards, deaths, contend = true }: ShardsRules): Model<ShardsState> {
  const ids = Array.from({ length: members }, (_, i) => i);
  const nameOf = (i: number): string => `m${i}`;
  const memberOf = (state: ShardsState, i: number): MemberState => state.members[i] as MemberState;
  const ticketOf = (state: ShardsState, i: number) => state.party.find((t) => memberNames([t])[0] === nameOf(i));
  const lockOf = (state: ShardsState, shard: string, i: number) =>
    state.queues[shard]?.find((name) => name.startsWith(mark(i)));

  const change = (state: ShardsState, i: number, changes: Partial<MemberState>): ShardsState => ({
    ...state,
    members: state.members.map((member, j) => (j === i ? { ...member, ...changes } : member)),
  });
  const claim = (state: ShardsState, i: number, shard: string, to: Claim | undefined): ShardsState => {
    const { [shard]: _, ...rest } = memberOf(state, i).claims;
    return change(state, i, { claims: to === undefined ? rest : { ...rest, [shard]: to } });
  };
  const withoutLock = (state: ShardsState, shard: string, i: number): ShardsState => ({
    ...state,
    queues: {
      ...state.queues,
      [shard]: (state.queues[shard] ?? []).filter((name) => !name.startsWith(mark(i))),
    },
  });

  /** What the plan that it follows means for a member. */
  function reconcile(state: ShardsState, i: number): ShardsState {
    const { plan, claims } = memberOf(state, i);
    const { begin, end } = decideShards(new Map(plan), nameOf(i), Object.keys(claims));
    let after = state;
    for (const shard of end) {
      const isHeld = ["held", "asked"].includes(claims[shard] ?? "");
      after = claim(isHeld ? after : withoutLock(after, shard, i), i, shard, isHeld ? "asked" : undefined);
    }
    for (const shard of begin) after = claim(after, i, shard, contend ? "entering" : "held");
    return after;
  }

  function* planningOf(state: ShardsState, i: number): Generator<{ step: string; state: ShardsState }> {
    const { planning } = memberOf(state, i);
    const ticket = ticketOf(state, i);
    if (ticket === undefined || decidePlanner(state.party, ticket).kind !== "granted") return;
    const world = JSON.stringify([state.party, state.plan?.version]);
    switch (planning.at) {
      case "idle":
        if (planning.seen === world) return;
        yield {
          step: `${i} reads the party`,
          state: change(state, i, { planning: { at: "read party", tickets: state.party } }),
        };
        return;
      case "read party": {
        const previous: Owners = new Map(state.plan?.owners ?? []);
        const owners = decidePlan(shards, memberNames(planning.tickets), previous, partition);
        const seen = JSON.stringify([planning.tickets, state.plan?.version]);
        const version = state.plan?.version ?? -1;
        const then: Planning =
          owners === undefined ? { at: "idle", seen } : { at: "write", version, owners: [...owners].sort() };
        yield { step: `${i} reads the plan: ${then.at}`, state: change(state, i, { planning: then }) };
        return;
      }
      case "write": {
        const idle = change(state, i, { planning: { at: "idle", seen: null } });
        const isSame = (state.plan?.version ?? -1) === planning.version;
        const plan = { version: planning.version + 1, owners: planning.owners };
        yield { step: `${i} writes the plan: ${isSame}`, state: isSame ? { ...idle, plan } : idle };
      }
    }
  }

  function* stepsOf(state: ShardsState, i: number): Generator<{ step: string; state: ShardsState }> {
    const member = memberOf(state, i);
    if (member.status === "dead") return;
    if (member.status === "out") {
      const party = [...state.party, `${mark(100 + i)}${nameOf(i)}-member-${sequence(state.next)}`];
      yield { step: `${i} joins`, state: { ...change(state, i, { status: "in" }), party, next: state.next + 1 } };
      return;
    }
    if (state.deaths < deaths) {
      let dead = change(state, i, { status: "dead", claims: {}, planning: { at: "idle", seen: null } });
      for (const shard of shards) dead = withoutLock(dead, shard, i);
      const party = state.party.filter((ticket) => ticket !== ticketOf(state, i));
      yield { step: `${i} dies`, state: { ...dead, party, deaths: state.deaths + 1 } };
    }
    yield* planningOf(state, i);
    if (state.plan !== null && state.plan.version !== member.followed) {
      const { version: followed, owners: plan } = state.plan;
      yield { step: `${i} follows ${followed}`, state: reconcile(change(state, i, { followed, plan }), i) };
    }
    for (const [shard, at] of Object.entries(member.claims)) {
      if (at === "entering") {
        const lock = `${mark(i)}lock-${sequence(state.next)}`;
        const queues = { ...state.queues, [shard]: [...(state.queues[shard] ?? []), lock] };
        yield {
          step: `${i} queues for ${shard}`,
          state: { ...claim(state, i, shard, "queued"), queues, next: state.next + 1 },
        };
      } else if (at === "queued") {
        const own = lockOf(state, shard, i) ?? "";
        if (decideShard(state.queues[shard] ?? [], own).kind === "granted") {
          yield { step: `${i} has ${shard}`, state: claim(state, i, shard, "held") };
        }
      } else if (at === "asked") {
        const released = claim(withoutLock(state, shard, i), i, shard, undefined);
        yield { step: `${i} releases ${shard}`, state: reconcile(released, i) };
      }
    }
  }

  const ownersOf = (state: ShardsState, shard: string): number[] =>
    ids.filter((i) => ["held", "asked"].includes(memberOf(state, i).claims[shard] ?? ""));

  return {
    start: {
      party: [],
      plan: null,
      queues: Object.fromEntries(shards.map((shard) => [shard, []])),
      members: ids.map(() => ({
        status: "out",
        planning: { at: "idle", seen: null },
        followed: -1,
        plan: [],
        claims: {},
      })),
      next: 0,
      deaths: 0,
    },
    *next(state) {
      for (const i of ids) yield* stepsOf(state, i);
    },
    problem(state, isFinal) {
      for (const shard of shards) {
        const owners = ownersOf(state, shard);
        if (owners.length > 1) return `${shard} is owned by ${owners.join(" and ")}`;
      }
      if (!isFinal) return undefined;
      const alive = ids.filter((i) => memberOf(state, i).status === "in");
      if (alive.length === 0) return undefined;
      const counts = alive.map((i) => shards.filter((shard) => ownersOf(state, shard)[0] === i).length);
      const sum = counts.reduce((a, b) => a + b, 0);
      if (sum !== shards.length) return `in the end only ${sum} shards are owned`;
      if (Math.max(...counts) - Math.min(...counts) > 1) return `in the end the shares are ${counts.join(", ")}`;
      return undefined;
    },
  };
}
