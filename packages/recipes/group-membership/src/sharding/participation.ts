/**
 * Taking part in the division of shards: a ticket in the party, the plan if one came first, and a keeper for each shard
 * that the plan gives to us.
 */
import { type Client, isCoordinationError } from "@corral/client";
import {
  beginWait,
  Grant,
  insist,
  nodeChanges,
  returnTicket,
  sleep,
  type Ticket,
  takeTicket,
  type WaitOptions,
  WakeUp,
} from "@corral/recipe-kit";
import { BehaviorSubject, type Observable } from "rxjs";
import { decidePlan, decidePlanner, decideShards, memberKind, memberNames } from "./decide.ts";
import type { Owners, PartitionFunction } from "./partition.ts";
import { decodePlan, readPlan, writePlan } from "./plan.ts";
import type { ShardGrant } from "./shard-grant.ts";
import { ShardKeeper } from "./shard-keeper.ts";

/** What taking part needs. */
export interface ParticipationParts {
  readonly client: Client;
  readonly path: string;
  readonly name: string;
  readonly shards: readonly string[];
  readonly partition: PartitionFunction;
  readonly settleMs: number;
  readonly handOverMs: number | undefined;
  readonly whenSuspended: "hold" | "abort" | undefined;
}

/** See the head of this file. Made by `ShardedGroup.join()`; ends by `leave()`. Heals by itself from lost sessions. */
export class Participation implements AsyncDisposable {
  readonly name: string;
  readonly #parts: ParticipationParts;
  readonly #stop = new AbortController();
  readonly #ended = new AbortController();
  readonly #keepers = new Map<string, ShardKeeper>();
  readonly #shards = new BehaviorSubject<readonly ShardGrant[]>([]);
  readonly #done: Promise<void>;
  #held: readonly ShardGrant[] = [];
  /** What repeating cannot mend. */
  #failure: { readonly error: unknown } | undefined;
  #plan: Owners = new Map();

  constructor(parts: ParticipationParts, first: Ticket) {
    this.name = parts.name;
    this.#parts = parts;
    this.#done = this.#run(first);
  }

  /** The shards that are owned now, those included that are wanted elsewhere. */
  get shards(): readonly ShardGrant[] {
    return this.#held;
  }

  /**
   * The same as a stream, the present ones first. Completes after `leave()` and when the client is closed; errors for what
   * repeating cannot mend.
   */
  get shards$(): Observable<readonly ShardGrant[]> {
    return this.#shards.asObservable();
  }

  /** Aborts when it is over for good: after `leave()`, or with what repeating cannot mend, such as NoAuthError. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Leaves: the others plan without us at once, and get each shard when it is released. Resolves when all are. What is
   * not released in time, or when `signal` aborts, is taken from its holder. Idempotent.
   */
  async leave(wait: WaitOptions = {}): Promise<void> {
    this.#stop.abort(new DOMException(`${this.#parts.path} was left`, "AbortError"));
    using limit = beginWait(this.#parts.client, "The release of all shards of", this.#parts.path, wait);
    const onLimit = (): void => {
      for (const keeper of this.#keepers.values()) keeper.revoke();
    };
    if (limit.signal.aborted) onLimit();
    limit.signal.addEventListener("abort", onLimit, { once: true });
    await this.#done;
  }

  /** Leaves, and does not wait for the holders of shards. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.leave({ timeoutMs: 0 });
  }

  /** Never rejects. */
  async #run(first: Ticket): Promise<void> {
    try {
      await this.#takePart(first);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error);
    }
    for (const keeper of this.#keepers.values()) keeper.askBack();
    await Promise.allSettled([...this.#keepers.values()].map((keeper) => keeper.done));
    this.#ended.abort(this.#stop.signal.reason);
    const error = this.#failure?.error;
    if (error === undefined || isCoordinationError(error, "ClientClosed")) this.#shards.complete();
    else this.#shards.error(error);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort(error);
  }

  /** One ticket after the other, until we leave. */
  async #takePart(first: Ticket): Promise<void> {
    const { client, path } = this.#parts;
    let ticket = first;
    for (;;) {
      const { path: ticketPath, sessionId, czxid: fencingToken } = ticket;
      const taken = ticket;
      const giveBack = () => returnTicket(client, taken);
      const party = new Grant(client, { path: ticketPath, sessionId, fencingToken, giveBack });
      const signal = AbortSignal.any([this.#stop.signal, party.signal]);
      try {
        await Promise.all([this.#planWhenFirst(ticket, signal), this.#followPlan(signal)]);
      } catch (error) {
        party.abandon();
        if (!signal.aborted || this.#stop.signal.aborted) throw error;
      }
      ticket = await takeTicket(client, partyRequest(path, this.name), this.#stop.signal);
    }
  }

  /** Waits to be the first of the party, then keeps the plan in step with it. Returns only by `signal`. */
  async #planWhenFirst(ticket: Ticket, signal: AbortSignal): Promise<never> {
    const { client, path, shards, partition, settleMs } = this.#parts;
    for (;;) {
      const decision = decidePlanner(await this.#party(ticket, signal), ticket.name);
      if (decision.kind === "wait") {
        await insist(client, () => nodeChanges(client, `${path}/party/${decision.on}`, signal), signal);
        continue;
      }
      // Only now with a watch: whoever does not plan need not hear of everybody.
      using wakeUp = new WakeUp(client);
      const tickets = await this.#party(ticket, signal, wakeUp);
      const plan = `${path}/plan`;
      // Watched as well: somebody may delete it, or write what is none.
      const read = await readPlan(client, plan, { watch: wakeUp.watch(plan), signal });
      const owners = decidePlan(shards, memberNames(tickets), read.owners, partition);
      if (owners === undefined) {
        await wakeUp.wait(signal);
      } else if (settleMs === 0 || (await this.#isSettled(ticket, tickets, signal))) {
        await writePlan(client, plan, { owners, read, ticketPath: ticket.path }, signal);
      }
    }
  }

  /** Whether the party stays the same for so long: many that come at once are one change. */
  async #isSettled(ticket: Ticket, tickets: readonly string[], signal: AbortSignal): Promise<boolean> {
    await sleep(this.#parts.client.clock, this.#parts.settleMs, signal);
    signal.throwIfAborted();
    const now = await this.#party(ticket, signal);
    return now.length === tickets.length && now.every((name) => tickets.includes(name));
  }

  /** The tickets of the party, our own among them. */
  async #party(own: Ticket, signal: AbortSignal, wakeUp?: WakeUp): Promise<string[]> {
    const { client, path } = this.#parts;
    const party = `${path}/party`;
    const options = wakeUp === undefined ? { signal } : { watch: wakeUp.watch(party), signal };
    try {
      const tickets = await insist(client, () => client.children(party, options), signal);
      if (tickets.includes(own.name)) return tickets;
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
    // Our own is gone: the grant on it ends, and with it the signal.
    return await untilAborted(signal);
  }

  /** Keeps the shards that the plan gives to us. Returns only by `signal`. */
  async #followPlan(signal: AbortSignal): Promise<never> {
    const { client, path } = this.#parts;
    for await (const node of client.watchNode(`${path}/plan`, { signal })) {
      if (node === undefined) continue;
      this.#plan = await decodePlan(node.data);
      this.#reconcile();
    }
    return await untilAborted(signal);
  }

  #reconcile(): void {
    if (this.#stop.signal.aborted) return;
    const { begin, end } = decideShards(this.#plan, this.name, this.#keepers.keys());
    for (const shard of end) this.#keepers.get(shard)?.askBack();
    for (const shard of begin) this.#keep(shard);
  }

  #keep(shard: string): void {
    const { client, path, handOverMs, whenSuspended } = this.#parts;
    const keeper = new ShardKeeper({
      client,
      shard,
      lockPath: `${path}/locks/${shard}`,
      identity: this.name,
      handOverMs,
      whenSuspended,
      onGained: (grant) => this.#tell([...this.#held, grant]),
      onEnded: (grant) => this.#tell(this.#held.filter((other) => other !== grant)),
    });
    this.#keepers.set(shard, keeper);
    keeper.done.then(
      () => {
        this.#keepers.delete(shard);
        // Given to us again while it was being released.
        this.#reconcile();
      },
      (error: unknown) => {
        this.#keepers.delete(shard);
        this.#fail(error);
      },
    );
  }

  #tell(held: readonly ShardGrant[]): void {
    this.#held = held;
    this.#shards.next(held);
  }
}

/** The ticket of a member in the party. */
export function partyRequest(path: string, name: string): { parent: string; kind: string; data: string } {
  return { parent: `${path}/party`, kind: `${name}${memberKind}`, data: name };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
