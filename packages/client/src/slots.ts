/** So many at a time, the others in order. */
import { Fifo } from "@corral/io";

/** Runs work of which at most `count` may be under way. */
export class Slots {
  #free: number;
  readonly #waiting = new Fifo<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `work` as soon as there is room, and gives what it gives. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
