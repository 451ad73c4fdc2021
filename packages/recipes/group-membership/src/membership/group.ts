/**
 * Who is there: processes join with a name and data, and see who joins, leaves and changes.
 *
 * ```ts
 * const group = new Group(client, "/workers");
 * const membership = await group.join({ name: "w1", data: { capacity: 4 } });
 * group.members$.subscribe(({ members, joined, left, updated }) => rebalance(members));
 * await membership.update({ capacity: 2 });
 * await membership.leave();
 * ```
 *
 * Znodes     <path>/<name>: ephemeral, one per member, data by the codec; as Curator's GroupMember has them.
 *            <path>.claims/<guid>-<name>: ephemeral, made and deleted together with the member
 * Invariant  a name has at most one holder at any zxid; a membership begins when its node is there and not before, and
 *            ends before another's of the same name begins
 * Wake-up    who observes watches the group and each member: a join wakes every observer, for it is news to each
 * Suspended  a membership holds until its deadline; `members$` says `suspended` and shows what was known last
 * Lost       the node is gone: signal has aborted, the others see a member leave. `stayJoined()` joins again
 * Not given  that a member which is listed lives: it may have died less than its session timeout ago. That one which is
 *            not listed has stopped: fencingToken and guard() are for that
 */
import { type Client, type Codec, isCoordinationError, msgpack, type NodeData, optional } from "@corral/client";
import { beginWait, childrenOrNone, insist, newGuid, type WaitOptions } from "@corral/recipe-kit";
import type { Observable } from "rxjs";
import type { WhenTaken } from "./decide-taken.ts";
import { checkName, Layout } from "./layout.ts";
import { bySeniority, type Member } from "./member.ts";
import { Membership } from "./membership.ts";
import { type MembersView, observeMembers, toMember } from "./observe-members.ts";
import { readClaim, register } from "./registration.ts";
import { StandingMembership } from "./standing-membership.ts";

/** Of a group. */
export interface GroupOptions<T> {
  /** How data becomes bytes, the same for all members. Default: MessagePack; what comes back is `unknown` then. */
  readonly codec?: Codec<T> | undefined;
}

/** The last argument of `new Group()`: necessary where data is to have a type, for only a codec can see to that. */
export type GroupArguments<T> = unknown extends T
  ? [options?: GroupOptions<T>]
  : [options: GroupOptions<T> & { readonly codec: Codec<T> }];

/** How to join. */
export interface JoinOptions<T = unknown> extends WaitOptions {
  /** By what the others know this member; unique in the group. Default: a GUID, so that nobody is ever in the way. */
  readonly name?: string | undefined;
  /** For the others to see. Default: none. */
  readonly data?: T;
  /**
   * When another process holds the name. `recover` (default): wait for as long as one that has died can still be listed,
   * twice its session timeout, and then refuse: so a quick restart gets its name back, and two that live never share one.
   * `refuse`: at once. `wait`: until it is free. `replace`: take it over at once, which ends the other's membership; for
   * those who know that the other is gone.
   */
  readonly whenTaken?: WhenTaken | undefined;
  /** What a broken connection means. `hold` (default): the membership holds until its deadline. `abort`: it ends. */
  readonly whenSuspended?: "hold" | "abort" | undefined;
}

/** A member with what is known of its session. */
export interface MemberExplanation<T = unknown> extends Member<T> {
  /** Of its session, ms: when its process dies it is listed for about so long. `undefined`: another library's member. */
  readonly sessionTimeoutMs: number | undefined;
}

/** A group at one path; see the head of this file. */
export class Group<T = unknown> {
  readonly path: string;
  readonly #client: Client;
  readonly #codec: Codec<T>;
  readonly #layout: Layout;

  /** Remembers; nothing is sent before a call or a subscription. @throws TypeError for the root, or no path. */
  constructor(client: Client, path: string, ...[options]: GroupArguments<T>) {
    this.#layout = new Layout(path);
    this.path = path;
    this.#client = client;
    // Without a codec T is unknown: the signature sees to that.
    this.#codec = options?.codec ?? (optional(msgpack) as Codec<T>);
  }

  /** The members, now and after every change. A broken connection is a value, not an error. */
  get members$(): Observable<MembersView<T>> {
    return observeMembers(this.#client, this.path, this.#codec);
  }

  /**
   * Joins. Resolves when the member's node is there. Cancelled or timed out, it leaves nothing behind.
   * @throws MemberNameTakenError, WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async join(options: JoinOptions<T> = {}): Promise<Membership<T>> {
    const { name = newGuid(this.#client.random) } = options;
    checkName(name);
    using limit = beginWait(this.#client, "Membership in", this.path, options);
    return await this.#join(name, options.data as T, options, limit.signal);
  }

  /**
   * Joins, and joins again whenever the membership was lost, with the same name and the data of that moment. Resolves
   * and rejects as `join()` does; `signal` and `timeoutMs` are for the first time only. It ends by `leave()`, or when
   * another process that lives has taken the name meanwhile.
   */
  async stayJoined(options: JoinOptions<T> = {}): Promise<StandingMembership<T>> {
    const { name = newGuid(this.#client.random) } = options;
    checkName(name);
    using limit = beginWait(this.#client, "Membership in", this.path, options);
    const join = (data: T, signal: AbortSignal) => this.#join(name, data, options, signal);
    return await StandingMembership.begin(this.#client, options.data as T, join, limit.signal);
  }

  /** Who is there now, in the order in which they joined. */
  async members(wait: WaitOptions = {}): Promise<Member<T>[]> {
    using limit = beginWait(this.#client, "A look at", this.path, wait);
    const { signal } = limit;
    const names = await insist(this.#client, () => this.#list(signal), signal);
    const found = await Promise.all(names.map((name) => this.#read(name, signal)));
    return bySeniority(found.filter((member) => member !== undefined));
  }

  /** Who is there, since when, with which session, and for how long it would be listed if it died. */
  async explain(wait: WaitOptions = {}): Promise<MemberExplanation<T>[]> {
    const client = this.#client;
    using limit = beginWait(client, "The explanation of", this.path, wait);
    const { signal } = limit;
    const members = await this.members({ signal });
    const names = await insist(client, () => childrenOrNone(client, this.#layout.claims, signal), signal);
    const read = (name: string) => readClaim(client, `${this.#layout.claims}/${name}`, signal);
    const claims = await Promise.all(names.map(read));
    const timeouts = new Map(claims.map((claim) => [claim?.czxid, claim?.sessionTimeoutMs]));
    return members.map((member) => ({ ...member, sessionTimeoutMs: timeouts.get(member.fencingToken) }));
  }

  async #join(name: string, data: T, options: JoinOptions<T>, signal: AbortSignal): Promise<Membership<T>> {
    const { whenTaken = "recover", whenSuspended } = options;
    const bytes = data === undefined ? null : await this.#codec.encode(data);
    for (;;) {
      const request = { layout: this.#layout, name, data: bytes, whenTaken };
      const registration = await register(this.#client, request, signal);
      const parts = { name, data, codec: this.#codec, registration, whenSuspended };
      const membership = new Membership<T>(this.#client, parts);
      // Lost again before anybody had it: go on as if it had never been.
      if (membership.held) return membership;
    }
  }

  async #list(signal: AbortSignal): Promise<string[]> {
    try {
      return await this.#client.children(this.path, { linearizable: true, signal });
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return [];
      throw error;
    }
  }

  async #read(name: string, signal: AbortSignal): Promise<Member<T> | undefined> {
    const path = this.#layout.member(name);
    const node = await insist(this.#client, () => getOrNone(this.#client, path, signal), signal);
    return node && (await toMember({ path, ...node }, this.#codec));
  }
}

async function getOrNone(client: Client, path: string, signal: AbortSignal): Promise<NodeData | undefined> {
  try {
    return await client.get(path, { signal });
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}
