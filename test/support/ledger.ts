/** A participant that remembers what it was asked to do: the durable side of a test's two-phase commits. */
import { setImmediate as turn } from "node:timers/promises";
import { type Codec, msgpack } from "@corral/client";
import type { Participant, Task, Vote } from "@corral/transactions";

/** What a participant's part asks for. */
export interface Entry {
  /** What to say; default "commit". */
  readonly vote?: Vote;
}

/** Of entries. Nobody else writes them, so they are not checked. */
export const codec = msgpack as Codec<Entry>;

/** See the head of this file. It outlives the processes that serve with it. */
export class Ledger implements Participant<Entry> {
  /** Every call that came to an end, in order. */
  readonly calls: string[] = [];
  /** What has become of each transaction, by id. */
  readonly effects = new Map<string, "prepared" | "committed" | "rolled back">();

  async prepare({ id, work }: Task<Entry>): Promise<Vote> {
    await turn();
    this.calls.push(`prepare ${id}`);
    const { vote = "commit" } = work;
    if (vote === "commit" && !this.effects.has(id)) this.effects.set(id, "prepared");
    return vote;
  }

  async commit({ id }: Task<Entry>): Promise<void> {
    await turn();
    if (!this.effects.has(id)) throw new Error(`commit of ${id}, which was not prepared`);
    this.#become(id, "committed");
  }

  async rollback({ id }: Task<Entry>): Promise<void> {
    await turn();
    this.#become(id, "rolled back");
  }

  #become(id: string, effect: "committed" | "rolled back"): void {
    const before = this.effects.get(id);
    this.calls.push(`${effect} ${id}`);
    if (before !== undefined && before !== "prepared" && before !== effect) {
      throw new Error(`${id} was ${before}, and now it should be ${effect}`);
    }
    this.effects.set(id, effect);
  }
}
