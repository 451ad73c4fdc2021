/** How long things took, as plain counts: cheap to add to, read only when somebody asks. */

import { assert } from "@corral/protocol";

/** Upper bounds of a histogram's buckets, ms; above the last there is one more bucket. */
export const latencyBoundsMs = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const;

/** Least, greatest and mean since the last reset, as `srvr` shows them. */
export class LatencySummary {
  #count = 0;
  #sumMs = 0;
  #minMs = 0;
  #maxMs = 0;

  add(ms: number): void {
    this.#sumMs += ms;
    if (this.#count === 0 || ms < this.#minMs) this.#minMs = ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    this.#count++;
  }

  /** All in ms; 0 while nothing was added. */
  get ms(): { readonly min: number; readonly average: number; readonly max: number } {
    return { min: this.#minMs, average: this.#count === 0 ? 0 : this.#sumMs / this.#count, max: this.#maxMs };
  }

  reset(): void {
    this.#count = 0;
    this.#sumMs = 0;
    this.#minMs = 0;
    this.#maxMs = 0;
  }
}

/** A histogram; it only ever grows. Its values need not be times. */
export class Histogram {
  readonly bounds: readonly number[];
  /** One more than there are bounds; each value is counted in one of them. */
  readonly counts: number[];
  sum = 0;
  count = 0;
  /** 0 while nothing was added, as `max`. */
  min = 0;
  max = 0;

  /** `bounds`: ascending upper bounds of the buckets. */
  constructor(bounds: readonly number[] = latencyBoundsMs) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  add(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
    if (this.count === 0 || value < this.min) this.min = value;
    this.count++;
    if (value > this.max) this.max = value;
  }

  /** Adds what another one has counted, in buckets of the same bounds. */
  merge({ counts, sum, count, min, max }: Histogram): void {
    if (count === 0) return;
    for (const [bucket, value] of counts.entries()) this.counts[bucket] = (this.counts[bucket] as number) + value;
    this.sum += sum;
    this.min = this.count === 0 ? min : Math.min(this.min, min);
    this.count += count;
    this.max = Math.max(this.max, max);
  }

  /** How many of the values were above `bound`, which is one of the bounds. */
  countAbove(bound: number): number {
    assert(this.bounds.includes(bound), `${bound} is a bound`);
    return this.counts.slice(this.bounds.indexOf(bound) + 1).reduce((sum, value) => sum + value, 0);
  }

  /** What so large a `share` (0 … 1) of the values does not exceed; rounded up to the bucket's bound. 0 while there are none. */
  quantile(share: number): number {
    let left = Math.ceil(this.count * share);
    for (const [bucket, bound] of this.bounds.entries()) {
      left -= this.counts[bucket] as number;
      if (left <= 0) return Math.min(bound, this.max);
    }
    return this.max;
  }
}
