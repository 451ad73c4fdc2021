/**
 * Who is in a group, as a stream. One watch on the group and one on each member; what they tell is put together to views
 * of which each holds every member that is listed, read since. While not connected the last view is shown as what it is.
 */
import type { Client, Codec, ObservedNode } from "@corral/client";
import { isCoordinationError } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import { concatMap, Observable, type Subscriber, Subscription } from "rxjs";
import { bySeniority, type Member, type MemberChanges, memberChanges } from "./member.ts";

/** The group at one moment, and what has changed since the view before. */
export interface MembersView<T = unknown> extends MemberChanges<T> {
  /** In the order in which they joined. */
  readonly members: readonly Member<T>[];
  /** We are not connected, or have not caught up: `members` is what was known last, and may be wrong by now. */
  readonly suspended: boolean;
}

/** The present view first, then one for every change. Completes when the client is closed. */
export function observeMembers<T>(client: Client, path: string, codec: Codec<T>): Observable<MembersView<T>> {
  return new Observable((subscriber) => {
    const observer = new MembersObserver(client, path, codec, subscriber);
    observer.begin();
    return () => observer.end();
  });
}

/** Decodes a node of the group. What cannot be decoded is a member all the same. */
export async function toMember<T>(node: ObservedNode, codec: Codec<T>): Promise<Member<T>> {
  const { data, stat } = node;
  const member = {
    name: node.path.slice(node.path.lastIndexOf("/") + 1),
    sessionId: stat.ephemeralOwner,
    sinceMs: stat.ctimeMs,
    fencingToken: stat.czxid,
    updatedZxid: stat.mzxid,
  };
  try {
    return { ...member, data: await codec.decode(data) };
  } catch (error) {
    return { ...member, data: undefined, problem: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** A node that is listed: read, or not yet; there, or already gone. */
interface Listed<T> {
  readonly subscription: Subscription;
  state: { readonly member: Member<T> | undefined } | "unread";
}

class MembersObserver<T> {
  readonly #client: Client;
  readonly #path: string;
  readonly #codec: Codec<T>;
  readonly #subscriber: Subscriber<MembersView<T>>;
  readonly #subscriptions = new Subscription();
  readonly #listed = new Map<string, Listed<T>>();
  readonly #stop = new AbortController();
  #isListed = false;
  #suspended = true;
  #told: { readonly members: readonly Member<T>[]; readonly suspended: boolean } | undefined;
  /** Counts connections: only the present one may say that we have caught up. */
  #connection = 0;

  constructor(client: Client, path: string, codec: Codec<T>, subscriber: Subscriber<MembersView<T>>) {
    this.#client = client;
    this.#path = path;
    this.#codec = codec;
    this.#subscriber = subscriber;
  }

  begin(): void {
    const fail = (error: unknown): void => this.#subscriber.error(error);
    this.#suspended = this.#client.state !== "connected";
    this.#subscriptions.add(
      this.#client.watchChildren(this.#path).subscribe({
        next: (names) => this.#onNames(names ?? []),
        error: fail,
        complete: () => this.#subscriber.complete(),
      }),
    );
    let isFirst = true;
    this.#subscriptions.add(
      this.#client.state$.subscribe(({ state }) => {
        this.#connection++;
        if (state !== "connected") this.#onDisconnected();
        else if (!isFirst) void this.#catchUp(this.#connection);
        isFirst = false;
      }),
    );
  }

  end(): void {
    this.#stop.abort();
    this.#subscriptions.unsubscribe();
    for (const { subscription } of this.#listed.values()) subscription.unsubscribe();
    this.#listed.clear();
  }

  #onDisconnected(): void {
    this.#suspended = true;
    this.#tell();
  }

  /**
   * What changed meanwhile is told by watches, and then read. The first sync's answer comes after all that the watches
   * have to tell, the second's after the answers to the reads that this has led to.
   */
  async #catchUp(connection: number): Promise<void> {
    const { signal } = this.#stop;
    try {
      for (let round = 0; round < 2; round++) {
        await insist(this.#client, () => this.#client.sync(this.#path, { signal }), signal);
      }
    } catch (error) {
      // Unsubscribed, or the client is closed, of which the other streams tell; or it may not be asked: then so be it.
      if (signal.aborted || isCoordinationError(error, "ClientClosed")) return;
    }
    if (connection !== this.#connection) return;
    this.#suspended = false;
    this.#tell();
  }

  #onNames(names: readonly string[]): void {
    this.#isListed = true;
    const there = new Set(names);
    for (const [name, { subscription }] of this.#listed) {
      if (there.has(name)) continue;
      subscription.unsubscribe();
      this.#listed.delete(name);
    }
    for (const name of there) if (!this.#listed.has(name)) this.#follow(name);
    this.#tell();
  }

  #follow(name: string): void {
    const listed: Listed<T> = { subscription: new Subscription(), state: "unread" };
    this.#listed.set(name, listed);
    const decode = async (node: ObservedNode | undefined) => node && (await toMember(node, this.#codec));
    const members = this.#client.watchNode(`${this.#path}/${name}`).pipe(concatMap(decode));
    listed.subscription.add(
      members.subscribe({
        next: (member) => {
          listed.state = { member };
          this.#tell();
        },
        error: (error: unknown) => this.#subscriber.error(error),
      }),
    );
  }

  /** Tells the view, if it is whole and says something new. */
  #tell(): void {
    const before = this.#told?.members ?? [];
    if (this.#suspended) {
      if (this.#told?.suspended !== true) this.#next({ members: before, joined: [], left: [], updated: [] });
      return;
    }
    if (!this.#isListed) return;
    const members: Member<T>[] = [];
    for (const { state } of this.#listed.values()) {
      if (state === "unread") return;
      if (state.member !== undefined) members.push(state.member);
    }
    const sorted = bySeniority(members);
    const changes = memberChanges(before, sorted);
    const isNews = changes.joined.length + changes.left.length + changes.updated.length > 0;
    if (isNews || this.#told?.suspended !== false) this.#next({ members: sorted, ...changes });
  }

  #next(view: Omit<MembersView<T>, "suspended">): void {
    this.#told = { members: view.members, suspended: this.#suspended };
    this.#subscriber.next({ ...view, suspended: this.#suspended });
  }
}
