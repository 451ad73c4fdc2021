/**
 * Several participants all carry something out, or none of them does, whoever dies meanwhile.
 *
 * ```ts
 * const orders = new TwoPhaseCommit(client, "/transactions/orders", { codec: validated(msgpack, Work) });
 * await using serving = await orders.serve("stock", { prepare, commit, rollback }); // in each participant's process
 * const order = await orders.begin({ stock: { take: 2 }, billing: { charge: 40 } }); // wherever
 * const outcome = await order.outcome({ timeoutMs: 60_000 }); // { kind: "committed" } or { kind: "aborted", by, reason }
 * ```
 *
 * Znodes     <path>/transactions/<id>: what is to be decided, and, from its version 1 on, what was;
 *            <path>/transactions/<id>/<participant>: its vote; gone when it has carried out the decision;
 *            <path>/inbox/<participant>/<id>: its part, until it has carried out the decision;
 *            <path>/serving/<participant>/_c_<guid>-serving-<seq>: ephemeral, the processes that would act for it.
 *            All but the last persistent; the first two as ZooKeeper's recipe for two-phase commits has them
 * Invariant  the decision is written once, for it is the only write to its node; commit only after everybody's vote for it.
 *            A vote is written once, and before the decision. Nobody carries out anything before the decision
 * Wake-up    participants watch their inbox and the decision, not each other: whoever votes looks at all votes afterwards,
 *            so the last one to vote decides; and whoever has waited `voteTimeoutMs` decides with what there is
 * Suspended  parts that are prepared stay so; a process serves on until its deadline
 * Lost       another process, or the same one again, takes up every part that is not acknowledged; writes of the one
 *            before fail
 * Not given  isolation: what others see between the first commit and the last is up to the participants. Exactly one
 *            call of each function: see Participant. An end while a participant is dead that has voted to commit: the
 *            others finish, its own part waits for it
 */
import { type Client, type Codec, isCoordinationError, msgpack } from "@corral/client";
import { beginWait, insist, recipePath, type WaitOptions } from "@corral/recipe-kit";
import { begin, checkParticipants, type Draft } from "./begin.ts";
import { DistributedTransaction } from "./distributed-transaction.ts";
import { forgetOldest } from "./forget.ts";
import { checkName, type Layout, layoutOf, newId } from "./layout.ts";
import { limits } from "./limits.ts";
import type { Participant } from "./participant.ts";
import { retire } from "./retire.ts";
import { type ServeOptions, Serving } from "./serving.ts";

/** What all who take part must agree on, but for `identity`. */
export interface TwoPhaseCommitOptions<W> {
  /** How work becomes bytes. Default: MessagePack, unchecked, so that work is `unknown`; `validated(msgpack, schema)` checks it. */
  readonly codec?: Codec<W> | undefined;
  /** So many transactions are remembered at least, 1 … 100 000: their outcome can be asked for. Default 1 000. */
  readonly keep?: number | undefined;
  /** By what the others know this process as a coordinator. Default "the coordinator". */
  readonly identity?: string | undefined;
}

/** The last argument of `new TwoPhaseCommit()`: necessary where work is to have a type, for only a codec can see to that. */
export type TwoPhaseCommitArguments<W> = unknown extends W
  ? [options?: TwoPhaseCommitOptions<W>]
  : [options: TwoPhaseCommitOptions<W> & { readonly codec: Codec<W> }];

/** How to begin a transaction. */
export interface BeginOptions extends WaitOptions {
  /**
   * When somebody who has waited so long for votes sees that one is missing, the transaction is aborted. ms, counted by
   * each from when it first sees the transaction. Default 30 000.
   */
  readonly voteTimeoutMs?: number | undefined;
  /** For `explain()` and for people, up to 200 characters. */
  readonly label?: string | undefined;
}

/** Transactions among participants who know each other by name, at one path; see the head of this file. */
export class TwoPhaseCommit<W = unknown> {
  readonly path: string;
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #codec: Codec<W>;
  readonly #keep: number;
  readonly #identity: string;

  /** Remembers; nothing is sent before it is used. @throws RangeError for an impossible `keep` */
  constructor(client: Client, path: string, ...[options]: TwoPhaseCommitArguments<W>) {
    this.path = recipePath("TwoPhaseCommit", path);
    // Without a codec W is unknown: the signature sees to that.
    const { codec = msgpack as Codec<W>, keep = 1_000, identity = "the coordinator" } = options ?? {};
    checkRange(`TwoPhaseCommit ${path}: keep`, keep, 1, 100_000);
    this.#client = client;
    this.#layout = layoutOf(path);
    this.#codec = codec;
    this.#keep = keep;
    this.#identity = identity;
  }

  /**
   * Acts for the participant `name`: everything that waits for it, and what will. Resolves when this process has its
   * place; where another one serves, it stands by until then.
   * @throws RangeError for an impossible name or number; WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async serve(name: string, participant: Participant<W>, options: ServeOptions = {}): Promise<Serving<W>> {
    checkName(name);
    checkRange(`Serving for ${name}: concurrency`, options.concurrency ?? 1, 1, 10_000);
    const client = this.#client;
    const layout = this.#layout;
    using limit = beginWait(client, "The place of", layout.serving(name), options);
    return await Serving.begin({ client, layout, codec: this.#codec, name, participant, options }, limit.signal);
  }

  /**
   * Begins a transaction: `work` says what each participant has to do. Resolves when it has begun, once, whatever became
   * of requests and replies. Cancelled, it is aborted if it has begun all the same.
   * @throws UnknownParticipantError, TooManyOpenError, RangeError; BeginUnknownError; WaitTimeoutError, the signal's
   * reason, ClientClosedError
   */
  async begin(work: Readonly<Record<string, W>>, options: BeginOptions = {}): Promise<DistributedTransaction> {
    const names = Object.keys(work);
    checkRange(`A transaction of ${this.path}: the number of participants`, names.length, 1, limits.participants);
    for (const name of names) checkName(name);
    const { voteTimeoutMs = 30_000, label = "" } = options;
    checkRange(`A transaction of ${this.path}: voteTimeoutMs`, voteTimeoutMs, 1, 2 ** 31 - 1);
    checkRange(`A transaction of ${this.path}: the length of the label`, label.length, 0, limits.nameLength);
    const client = this.#client;
    using limit = beginWait(client, "The beginning of a transaction of", this.path, options);
    const tasks = new Map<string, Uint8Array | null>();
    for (const [name, part] of Object.entries(work)) tasks.set(name, await this.#codec.encode(part));
    const count = await checkParticipants(client, this.#layout, names, limit.signal);
    const draft: Draft = {
      id: newId(client.lastZxid, client.random.bytes(8)),
      record: { participants: names, voteTimeoutMs, label, outcome: undefined },
      tasks,
      keep: this.#keep,
    };
    const begun = this.attach(draft.id);
    try {
      await begin(client, this.#layout, draft, limit.signal);
    } catch (error) {
      if (limit.signal.aborted) void this.#abandon(begun);
      throw error;
    }
    const slack = Math.max(limits.forgetSlack, Math.ceil(this.#keep / 8));
    if (count >= this.#keep + slack) void forgetOldest(client, this.#layout, this.#keep);
    return begun;
  }

  /** A transaction of which one knows the id, whoever began it. Nothing is sent. */
  attach(id: string): DistributedTransaction {
    checkName(id);
    return new DistributedTransaction(this.#client, this.#layout, id, this.#identity);
  }

  /** The ids of the transactions that the participant has not carried out yet, oldest first. */
  async open(participant: string, wait: WaitOptions = {}): Promise<string[]> {
    checkName(participant);
    const path = this.#layout.inbox(participant);
    using limit = beginWait(this.#client, "A look at", path, wait);
    const { signal } = limit;
    try {
      const read = () => this.#client.children(path, { signal, linearizable: true });
      return (await insist(this.#client, read, signal)).sort();
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return [];
      throw error;
    }
  }

  /**
   * For a participant that will never come back: aborts what it has not voted on, acknowledges the rest in its place, and
   * has it forgotten, so that no transaction can begin with it. Gives the ids of those that are committed, and that it
   * has not carried out.
   * @throws ParticipantServingError; WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async retire(participant: string, wait: WaitOptions = {}): Promise<string[]> {
    checkName(participant);
    using limit = beginWait(this.#client, "The end of", this.#layout.inbox(participant), wait);
    return await retire(this.#client, this.#layout, participant, limit.signal);
  }

  /** Never rejects. */
  async #abandon(begun: DistributedTransaction): Promise<void> {
    try {
      const found = await begun.explain();
      if (found !== undefined) await begun.abort("its beginning was cancelled");
    } catch (err) {
      // Then its participants decide, by their votes or by time.
      this.#client.logger.debug({ err, id: begun.id }, "a transaction that was cancelled may have begun");
    }
  }
}

function checkRange(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${what} is ${value}; it must be a whole number from ${min} to ${max}.`);
}
