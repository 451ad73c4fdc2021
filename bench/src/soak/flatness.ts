/** Whether numbers that were taken one after another stay where they were. */

/** A series of numbers, and how much of its first half its end may have. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  /** The end may be this many times the beginning, … */
  readonly factor: number;
  /** … and so much more. */
  readonly slack: number;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/**
 * Compares the median of the last third with that of the middle third: the first third is for warming up. Returns a
 * sentence if the series grows; of fewer than six numbers nothing can be said.
 */
export function growth({ name, values, factor, slack }: Series): string | undefined {
  if (values.length < 6) return undefined;
  const third = Math.floor(values.length / 3);
  const before = median(values.slice(third, 2 * third));
  const after = median(values.slice(-third));
  if (after <= before * factor + slack) return undefined;
  return `${name} grows: ${before.toFixed(1)} in the middle third, ${after.toFixed(1)} in the last`;
}
