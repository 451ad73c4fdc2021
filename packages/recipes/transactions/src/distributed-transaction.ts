/** A transaction as its coordinator has it, and everybody who knows its id: what became of it, and what keeps it open. */
import { type Client, Observed } from "@corral/client";
import { Bell, beginWait, callAfter, insist, sleep, type WaitOptions } from "@corral/recipe-kit";
import { combineLatest, distinctUntilChanged, map } from "rxjs";
import { pauseMs } from "./begin.ts";
import { decideOutcome } from "./decide.ts";
import { OutcomeForgottenError } from "./errors.ts";
import { explainTransaction, type TransactionExplanation } from "./explain.ts";
import type { Layout } from "./layout.ts";
import { type Looking, look, outcomeOf, writeDecision } from "./look.ts";
import { decodeTransaction, type OutcomeRecord, reasonOf } from "./records.ts";

/** What was decided. Every participant carries it out, now or when it comes back. */
export type Outcome =
  | { readonly kind: "committed" }
  /** `by`: who voted against it, or ended the wait for votes; `reason`: why. */
  | { readonly kind: "aborted"; readonly by: string; readonly reason: string };

/** What is known of a transaction. */
export type TransactionState =
  | Outcome
  | { readonly kind: "voting" }
  /** Not connected, and what was read last was that nothing is decided. */
  | { readonly kind: "suspended" }
  /** There is none of this id: it has finished, and many others since; or there never was one. */
  | { readonly kind: "forgotten" };

/** See the head of this file. Made by `TwoPhaseCommit.begin()` and `attach()`. */
export class DistributedTransaction {
  /** By which any process can attach to it. */
  readonly id: string;
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #identity: string;
  /** From when it counts how long the votes take, on `clock.elapsedMs()`. */
  readonly #sinceMs: number;

  constructor(client: Client, layout: Layout, id: string, identity: string) {
    this.id = id;
    this.#client = client;
    this.#layout = layout;
    this.#identity = identity;
    this.#sinceMs = client.clock.elapsedMs();
  }

  /** What is known of it, now and after every change: an Observable and an AsyncIterable. Completes with the client. */
  get state$(): Observed<TransactionState> {
    const node$ = this.#client.watchNode(this.#layout.transaction(this.id));
    const state$ = combineLatest([this.#client.state$, node$]).pipe(
      map(([{ state }, node]): TransactionState => {
        if (node === undefined) return { kind: state === "connected" ? "forgotten" : "suspended" };
        const { outcome } = decodeTransaction(node.data);
        if (outcome !== undefined) return toOutcome(outcome);
        return { kind: state === "connected" ? "voting" : "suspended" };
      }),
      distinctUntilChanged((a, b) => a.kind === b.kind),
    );
    return new Observed(state$);
  }

  /**
   * Waits for the decision. Whoever waits here also sees to it that there is one: when the votes take longer than they
   * may, it aborts, unless all are there. Cancelled, the transaction goes on.
   * @throws OutcomeForgottenError, WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async outcome(wait: WaitOptions = {}): Promise<Outcome> {
    const { path, looking } = this.#where;
    const { clock } = this.#client;
    using limit = beginWait(this.#client, "The outcome of", path, wait);
    const bell = new Bell();
    let overdue: Disposable | undefined;
    try {
      for (let attempts = 0; ; ) {
        const sight = await look(looking, limit.signal, bell.ring);
        if (sight === undefined) throw new OutcomeForgottenError(this.id);
        const { outcome, voteTimeoutMs } = sight.record;
        if (outcome !== undefined) return toOutcome(outcome);
        const leftMs = this.#sinceMs + voteTimeoutMs - clock.elapsedMs();
        const decision = decideOutcome(sight.view, leftMs <= 0);
        if (decision !== undefined) {
          await writeDecision(looking, sight.record, outcomeOf(decision, sight, this.#identity), limit.signal);
          if (attempts++ > 0) await sleep(clock, pauseMs(this.#client, attempts), limit.signal);
          continue;
        }
        overdue ??= callAfter(this.#client, leftMs, bell.ring);
        await bell.wait(limit.signal);
      }
    } finally {
      overdue?.[Symbol.dispose]();
      this.#client.unwatch(path, bell.ring);
    }
  }

  /**
   * Aborts it, unless it has been decided. Gives what was decided in the end, which may be commit. Throws as `outcome`.
   */
  async abort(reason = "the coordinator aborted it", wait: WaitOptions = {}): Promise<Outcome> {
    const { path, looking } = this.#where;
    using limit = beginWait(this.#client, "The end of", path, wait);
    for (let attempts = 0; ; attempts++) {
      const sight = await look(looking, limit.signal);
      if (sight === undefined) throw new OutcomeForgottenError(this.id);
      if (sight.record.outcome !== undefined) return toOutcome(sight.record.outcome);
      if (attempts > 1) await sleep(this.#client.clock, pauseMs(this.#client, attempts), limit.signal);
      const outcome: OutcomeRecord = { decision: "abort", by: this.#identity, reason: reasonOf(reason) };
      await writeDecision(looking, sight.record, outcome, limit.signal);
    }
  }

  /**
   * Waits until every participant has carried out the decision. A participant that is dead keeps it waiting.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async settled(wait: WaitOptions = {}): Promise<void> {
    const { path } = this.#where;
    using limit = beginWait(this.#client, "The end of", path, wait);
    for await (const names of this.#client.watchChildren(path, { signal: limit.signal })) {
      if (names === undefined || names.length === 0) return;
    }
    limit.signal.throwIfAborted();
    // The client was closed: it says so itself.
    await this.#client.exists(path);
  }

  /** Who has voted what, who has carried out the decision, who serves for whom; `undefined` if it is forgotten. */
  async explain(wait: WaitOptions = {}): Promise<TransactionExplanation | undefined> {
    const { path, looking } = this.#where;
    using limit = beginWait(this.#client, "A look at", path, wait);
    await insist(this.#client, () => this.#client.sync(path, { signal: limit.signal }), limit.signal);
    return await explainTransaction(looking, limit.signal);
  }

  get #where(): { readonly path: string; readonly looking: Looking } {
    const { id } = this;
    return {
      path: this.#layout.transaction(id),
      looking: { client: this.#client, layout: this.#layout, id },
    };
  }
}

function toOutcome({ decision, by, reason }: OutcomeRecord): Outcome {
  return decision === "commit" ? { kind: "committed" } : { kind: "aborted", by, reason };
}
