/**
 * A change that is proposed: everybody who wants to be asked looks at it, some may try it out, and then it becomes the
 * configuration, or it is withdrawn. It stands in the tree, not in the process that proposed it: any process can go on
 * with it.
 */
import { isCoordinationError, Observed, type Transaction } from "@corral/client";
import { Bell, beginWait, callAfter, insist, sleep, type WaitOptions } from "@corral/recipe-kit";
import { Observable, type Subscriber } from "rxjs";
import { chooseCanaries, judge, type Standing } from "./decide.ts";
import { perform, toMade } from "./edit.ts";
import { ProposalClosedError, ProposalOutdatedError, ProposalRefusedError } from "./errors.ts";
import { limits } from "./limits.ts";
import { type Look, lookAt } from "./look.ts";
import { looks } from "./looks.ts";
import type { Overrides } from "./merge.ts";
import { encodeRecord, type ProposalRecord } from "./records.ts";
import { type Made, readRecord, readStored, type Settings } from "./store.ts";

/** What is known of a proposal. */
export type ProposalState =
  | (Standing & {
      readonly kind: "pending";
      /** Something else was changed since: it cannot be activated any more. */
      readonly isOutdated: boolean;
    })
  | { readonly kind: "activated"; readonly version: number }
  /** Or activated so long ago that nobody knows. */
  | { readonly kind: "withdrawn" };

/** How a change is tried out. */
export interface TryOutOptions extends WaitOptions {
  /** By how many of those who are asked, 0 … 100, at least one of them. */
  readonly percent: number;
  /** For how long, ms. Default 0: until all of them run with it. */
  readonly soakMs?: number | undefined;
}

/** See the head of this file. Made by `Configuration.propose()` and `proposal()`. */
export class Proposal<I, T> {
  readonly #settings: Settings<I, T>;
  readonly #record: ProposalRecord;

  constructor(settings: Settings<I, T>, record: ProposalRecord) {
    this.#settings = settings;
    this.#record = record;
  }

  /** Tells it from every other. */
  get id(): string {
    return this.#record.id;
  }

  /** The version that it changes. */
  get base(): number {
    return this.#record.base;
  }

  get author(): string {
    return this.#record.author;
  }

  get comment(): string {
    return this.#record.comment;
  }

  /** What it would store. @throws Error if it cannot be read */
  async stored(): Promise<Overrides<I>> {
    const stored = await readStored<I>(this.#settings.codec, this.#record.data);
    if (stored.ok) return stored.value;
    throw new Error(`What is proposed for ${this.#path} cannot be read.`);
  }

  /** How it stands. @throws WaitTimeoutError, the signal's reason, ClientClosedError */
  async state(wait: WaitOptions = {}): Promise<ProposalState> {
    using limit = beginWait(this.#settings.client, "A look at the proposal for", this.#path, wait);
    return await this.#stateOf(await lookAt(this.#settings, limit.signal), limit.signal);
  }

  /** How it stands, now and after every change: an Observable and an AsyncIterable. Completes with the client. */
  get state$(): Observed<ProposalState> {
    const states = new Observable<ProposalState>((subscriber) => {
      const stop = new AbortController();
      this.#tell(subscriber, stop.signal).catch((error: unknown) => {
        if (isCoordinationError(error, "ClientClosed")) subscriber.complete();
        // Whoever has unsubscribed hears nothing of this.
        else subscriber.error(error);
      });
      return () => stop.abort();
    });
    return new Observed(states);
  }

  /**
   * Waits until everybody who is asked accepts it.
   * @throws ProposalRefusedError, ProposalOutdatedError, ProposalClosedError; WaitTimeoutError, the signal's reason,
   * ClientClosedError. It stays as it is: withdraw it, or go on waiting.
   */
  async accepted(wait: WaitOptions = {}): Promise<void> {
    using limit = beginWait(this.#settings.client, "Everybody's consent to the proposal for", this.#path, wait);
    await this.#until(limit.signal, ({ verdict }) => verdict === "accepted" || undefined);
  }

  /**
   * Has it accepted, and then tried out by some: they run with it until it is activated or withdrawn. Resolves when all of
   * them do, and `soakMs` later if nobody has refused it or gone by then. Whoever tries it out already goes on.
   * Throws as `accepted`.
   */
  async tryOut({ percent, soakMs = 0, ...wait }: TryOutOptions): Promise<void> {
    checkTrial({ percent, soakMs });
    const { client, layout } = this.#settings;
    using limit = beginWait(client, "The trial of the proposal for", this.#path, wait);
    const { signal } = limit;
    await this.#until(signal, async ({ verdict }, { slot, subscribers }) => {
      if (slot.record?.canaries !== undefined) return true;
      if (verdict !== "accepted") return undefined;
      const names = subscribers.map(({ name }) => name);
      const canaries = chooseCanaries(names, this.id, percent);
      const data = encodeRecord({ ...this.#record, canaries });
      try {
        await insist(client, () => client.set(layout.proposal, data, { version: slot.version, signal }), signal);
        return true;
      } catch (error) {
        // Somebody was faster, or it was this one, and its reply lost: the next look tells.
        if (isCoordinationError(error, "BadVersion")) return "again";
        throw error;
      }
    });
    await this.#until(signal, ({ notTrying }) => notTrying.length === 0 || undefined);
    const bell = new Bell();
    const untilMs = client.clock.elapsedMs() + soakMs;
    using _timer = callAfter(client, soakMs, bell.ring);
    await this.#until(signal, () => client.clock.elapsedMs() >= untilMs || undefined, bell);
  }

  /**
   * Makes it the configuration, in one transaction with the proof that everybody who is asked accepts it, also whoever has
   * come meanwhile; waits for those who have not answered yet. Throws as `accepted`; WriteOutcomeUnknownError; RangeError
   * if more are asked than one transaction can name
   */
  async activate(wait: WaitOptions = {}): Promise<Made<I>> {
    using limit = beginWait(this.#settings.client, "The activation of the proposal for", this.#path, wait);
    const { signal } = limit;
    return await this.#until(signal, async ({ verdict }, look) =>
      verdict === "accepted" ? await this.#attempt(look, signal) : undefined,
    );
  }

  /**
   * Withdraws it: whoever tries it out goes back. Fine if it was withdrawn before.
   * @throws ProposalClosedError if it was activated; WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async withdraw(wait: WaitOptions = {}): Promise<void> {
    const { client, layout } = this.#settings;
    using limit = beginWait(client, "The withdrawal of the proposal for", this.#path, wait);
    const { signal } = limit;
    for (let attempt = 0; ; attempt++) {
      const look = await lookAt(this.#settings, signal);
      const state = await this.#stateOf(look, signal);
      if (state.kind === "activated") throw new ProposalClosedError(this.#path, state.version);
      if (state.kind === "withdrawn") return;
      try {
        const { version } = look.slot;
        await insist(client, () => client.set(layout.proposal, null, { version, signal }), signal);
        return;
      } catch (error) {
        if (!isCoordinationError(error, "BadVersion")) throw error;
      }
      if (attempt > 0) await sleep(client.clock, limits.againMs * attempt, signal);
    }
  }

  get #path(): string {
    return this.#settings.layout.root;
  }

  /** One attempt to activate it. `again`: something that it depends on has moved. */
  async #attempt({ slot, subscribers, subscribersVersion }: Look, signal: AbortSignal): Promise<Made<I> | "again"> {
    const { layout } = this.#settings;
    const { id, base, data, author, comment } = this.#record;
    if (subscribers.length > limits.subscribers) {
      throw new RangeError(
        `${subscribers.length} are asked about ${this.#path}, and ${limits.subscribers} is the most. Ask fewer of them.`,
      );
    }
    const along = (transaction: Transaction): void => {
      transaction.set(layout.proposal, null, { version: slot.version });
      transaction.check(layout.subscribers, { version: subscribersVersion });
      for (const { name, stat } of subscribers) transaction.check(layout.subscriber(name), { version: stat.version });
    };
    const decide = async ({ version }: { readonly version: number }): Promise<Uint8Array> => {
      if (version !== base) throw new ProposalOutdatedError(this.#path, base, version);
      return data;
    };
    try {
      const edit = { decide, author, comment, cause: { kind: "proposal", id } as const, along };
      return await toMade(this.#settings, await perform(this.#settings, edit, signal), edit, signal);
    } catch (error) {
      if (isCoordinationError(error, "BadVersion") || isCoordinationError(error, "NoNode")) return "again";
      throw error;
    }
  }

  /**
   * Looks, and looks again whenever something has moved, until `decide` gives a result; `again`: look at once.
   * @throws ProposalRefusedError, ProposalOutdatedError, ProposalClosedError
   */
  async #until<R>(
    signal: AbortSignal,
    decide: (standing: Standing, look: Look) => R | undefined | "again" | Promise<R | undefined | "again">,
    bell = new Bell(),
  ): Promise<R> {
    const { client } = this.#settings;
    let retries = 0;
    for await (const look of looks(this.#settings, signal, bell)) {
      const state = await this.#stateOf(look, signal);
      if (state.kind !== "pending") {
        throw new ProposalClosedError(this.#path, state.kind === "activated" ? state.version : undefined);
      }
      if (state.isOutdated) throw new ProposalOutdatedError(this.#path, this.base, look.version);
      if (state.verdict === "refused") throw new ProposalRefusedError(this.#path, state.refusals);
      const result = await decide(state, look);
      if (result === "again") {
        await sleep(client.clock, Math.min(limits.againMsMax, limits.againMs * 2 ** Math.min(retries++, 20)), signal);
        bell.ring();
      } else if (result !== undefined) {
        return result as R;
      }
    }
    throw new Error("There is always another look.");
  }

  /** Never resolves. */
  async #tell(subscriber: Subscriber<ProposalState>, signal: AbortSignal): Promise<void> {
    let told: string | undefined;
    for await (const look of looks(this.#settings, signal)) {
      const state = await this.#stateOf(look, signal);
      const text = JSON.stringify(state);
      if (text !== told) subscriber.next(state);
      told = text;
    }
  }

  async #stateOf({ slot, subscribers, version }: Look, signal: AbortSignal): Promise<ProposalState> {
    if (slot.record?.id === this.id) {
      return { kind: "pending", isOutdated: version !== this.base, ...judge(slot.record, subscribers) };
    }
    // Only the version after the one that it changes can be its.
    const record = await readRecord(this.#settings, this.base + 1, signal);
    if (record?.cause.kind === "proposal" && record.cause.id === this.id) {
      return { kind: "activated", version: this.base + 1 };
    }
    return { kind: "withdrawn" };
  }
}

/** @throws RangeError for a trial that cannot be */
export function checkTrial({ percent, soakMs }: { readonly percent: number; readonly soakMs: number }): void {
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`percent is ${percent}; it must be from 0 to 100.`);
  if (!(soakMs >= 0 && soakMs <= limits.soakMsMax)) {
    throw new RangeError(`soakMs is ${soakMs}; it must be from 0 to ${limits.soakMsMax}.`);
  }
}
