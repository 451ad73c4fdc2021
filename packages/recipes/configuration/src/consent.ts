/** A subscriber's mind about proposals: made up once for each, in the background. */
import type { Answer, ProposalRecord } from "./records.ts";
import { messageOf, wrong } from "./schema.ts";
import { evaluate, type Settings } from "./store.ts";
import type { Active } from "./view.ts";

/**
 * Whether a program can live with a change. Throwing, or rejecting, refuses it; the message tells why. `running`: what it
 * runs with at the moment. `signal` aborts when nobody waits for an answer any more.
 */
export type Consent<T> = (proposed: T, running: T | undefined, signal: AbortSignal) => void | Promise<void>;

/** What a subscriber thinks of one proposal. */
interface Opinion<T> {
  readonly id: string;
  readonly cancel: AbortController;
  /** What it would become; `undefined`: not known yet, or it does not fit. */
  active?: Active<T>;
  /** `undefined`: not known yet. */
  answer?: Answer;
}

/** See the head of this file. */
export class Opinions<I, T> {
  readonly #settings: Settings<I, T>;
  readonly #consent: Consent<T> | true;
  readonly #onChange: () => void;
  #opinion: Opinion<T> | undefined;

  /** `onChange`: an opinion has been made up. */
  constructor(settings: Settings<I, T>, consent: Consent<T> | true, onChange: () => void) {
    this.#settings = settings;
    this.#consent = consent;
    this.#onChange = onChange;
  }

  /**
   * What it thinks of the proposal by now. Begins to think about it, once it is asked, and stops thinking about any other.
   * An opinion outlives the session in which it was asked for.
   */
  of(
    record: ProposalRecord | undefined,
    running: T | undefined,
    isAsked: boolean,
  ): Omit<Opinion<T>, "cancel"> | undefined {
    if (this.#opinion !== undefined && this.#opinion.id !== record?.id) {
      this.#opinion.cancel.abort(new Error("the proposal is closed"));
      this.#opinion = undefined;
    }
    if (record !== undefined && isAsked && this.#opinion === undefined) {
      this.#opinion = { id: record.id, cancel: new AbortController() };
      void this.#think(this.#opinion, record, running);
    }
    return this.#opinion;
  }

  /** Takes back what was said of the present proposal. `false`: there is none. */
  refuse(reason: string): boolean {
    if (this.#opinion === undefined) return false;
    const { id } = this.#opinion;
    this.#opinion.answer = { kind: "refuses", proposal: id, issues: wrong(reason).issues };
    this.#opinion.cancel.abort(new Error("it is refused"));
    this.#onChange();
    return true;
  }

  /** Thinks of nothing any more. */
  end(): void {
    this.of(undefined, undefined, false);
  }

  /** Never rejects. */
  async #think(opinion: Opinion<T>, { id, base, data }: ProposalRecord, running: T | undefined): Promise<void> {
    let answer: Answer;
    try {
      const checked = await evaluate(this.#settings, data);
      if (checked.ok) {
        opinion.active = { value: checked.value, version: base + 1, stage: "canary" };
        if (this.#consent !== true) await this.#consent(checked.value, running, opinion.cancel.signal);
        answer = { kind: "accepts", proposal: id };
      } else {
        answer = { kind: "refuses", proposal: id, issues: checked.issues };
      }
    } catch (error) {
      answer = { kind: "refuses", proposal: id, issues: wrong(messageOf(error)).issues };
    }
    // What was refused meanwhile stays so.
    opinion.answer ??= answer;
    this.#onChange();
  }
}
