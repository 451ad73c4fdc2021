/** So many at once, and so many more as time goes by. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #refillMs: number;
  readonly #refillCount: number;
  #tokens: number;
  #filledAtMs: number;

  /** `capacity` 0: there always is one. Every `refillMs` ms, `refillCount` come back. */
  constructor(options: {
    readonly capacity: number;
    readonly refillMs: number;
    readonly refillCount: number;
    readonly nowMs: number;
  }) {
    this.#capacity = options.capacity;
    this.#refillMs = Math.max(1, options.refillMs);
    this.#refillCount = options.refillCount;
    this.#tokens = options.capacity;
    this.#filledAtMs = options.nowMs;
  }

  /** How many are gone at this time. */
  used(nowMs: number): number {
    this.#refill(nowMs);
    return this.#capacity - this.#tokens;
  }

  /** Takes one, if there is one. */
  take(nowMs: number): boolean {
    if (this.#capacity === 0) return true;
    this.#refill(nowMs);
    if (this.#tokens === 0) return false;
    this.#tokens--;
    return true;
  }

  #refill(nowMs: number): void {
    const periods = Math.floor((nowMs - this.#filledAtMs) / this.#refillMs);
    if (periods <= 0) return;
    this.#filledAtMs += periods * this.#refillMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + periods * this.#refillCount);
  }
}
