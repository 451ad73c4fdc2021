/**
 * Items that a look at the queue has shown, to be tried one after the other without listing the queue for each. Good for a
 * moment only. Who meets somebody else at the first tries a later one next, at random, the farther back the more often
 * they meet: consumers that come at the same time spread out, and one alone takes them strictly in order. Pure.
 */
import type { ItemName } from "./item-name.ts";
import { limits } from "./limits.ts";

/** See the head of this file. */
export class Prospects {
  #names: ItemName[] = [];
  #untilMs = Number.NEGATIVE_INFINITY;
  #puts: number | undefined;
  #spread = 1;

  /**
   * What a look has shown, in order, at `nowMs` of any clock that only grows. `puts`: a number that changes with every
   * item that is put, where a new one may belong before what was seen.
   */
  show(names: readonly ItemName[], nowMs: number, puts?: number): void {
    this.#puts = puts;
    this.#names = names.slice(0, limits.prospects);
    this.#untilMs = nowMs + limits.prospectsMs;
  }

  get isEmpty(): boolean {
    return this.#names.length === 0;
  }

  /** Whether what was shown is still what comes first, with that number of puts. */
  isCurrent(puts: number): boolean {
    return this.#puts === puts;
  }

  /** What was shown is not in order any more. */
  forget(): void {
    this.#names = [];
  }

  /** One to try; `undefined`: look again. `fraction`: of chance, from 0 up to, not including, 1. */
  next(nowMs: number, fraction: number): ItemName | undefined {
    if (nowMs >= this.#untilMs) this.#names = [];
    const at = Math.floor(fraction * Math.min(this.#spread, this.#names.length));
    return this.#names.splice(at, 1)[0];
  }

  /** The one tried was this consumer's to have, or somebody else's. */
  tried(won: boolean): void {
    this.#spread = won ? Math.max(1, Math.floor(this.#spread / 2)) : Math.min(limits.prospects, this.#spread * 2);
  }
}
