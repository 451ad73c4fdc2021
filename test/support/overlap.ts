/** Counts who is inside at the same time, and fails the moment there are too many. */
import { setImmediate as turn } from "node:timers/promises";

export class Overlap {
  readonly #limit: number;
  #inside = 0;
  #entries = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are inside now. */
  get inside(): number {
    return this.#inside;
  }

  /** How often somebody has entered. */
  get entries(): number {
    return this.#entries;
  }

  /** Enters, stays for a few turns of the event loop, so that whoever may not come in has the time to, and leaves. */
  async enter(): Promise<void> {
    this.#entries++;
    this.#inside++;
    if (this.#inside > this.#limit) throw new Error(`${this.#inside} inside, ${this.#limit} allowed`);
    for (let i = 0; i < 5; i++) await turn();
    this.#inside--;
  }
}
