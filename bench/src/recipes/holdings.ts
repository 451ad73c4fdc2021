/** What contenders report, whether it can be, and what it comes to. Pure. */
import { median } from "../measurement.ts";

/** A time in which somebody held what they contended for; ms on the machine's monotonic clock, from any origin. */
export interface Holding {
  readonly contender: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What one run of one library came to. */
export interface Turnover {
  /** How often a contender came after another one, a second. With one contender: how often it came after itself. */
  readonly perSecond: number;
  /** From the last thing that one did before it let go to the first that the next could do. */
  readonly gapMs: { readonly p50: number; readonly p99: number };
}

/** Two held at once, or somebody never did: such a run measures nothing. */
export class UnfairError extends Error {
  override readonly name = "UnfairError";
}

/**
 * The holdings in order.
 * @throws UnfairError if two overlap, or if not every one of so many contenders held at least once.
 */
export function inOrder(holdings: readonly Holding[], contenders: number): Holding[] {
  const sorted = [...holdings].sort((a, b) => a.fromMs - b.fromMs);
  for (const [i, { contender, fromMs }] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before !== undefined && before.untilMs > fromMs) {
      throw new UnfairError(
        `${contender} began to hold ${before.untilMs - fromMs} ms before ${before.contender} ended`,
      );
    }
  }
  const served = new Set(sorted.map(({ contender }) => contender)).size;
  if (served !== contenders) throw new UnfairError(`${served} of ${contenders} contenders ever held`);
  return sorted;
}

/** Of holdings in order, what those that began so long after the first came to; of no more than `seconds`. */
export function turnover(holdings: readonly Holding[], warmUpSeconds: number, seconds: number): Turnover {
  const beginMs = (holdings[0]?.fromMs ?? 0) + warmUpSeconds * 1000;
  const measured = holdings.filter(({ fromMs }) => fromMs >= beginMs && fromMs <= beginMs + seconds * 1000);
  const alone = new Set(holdings.map(({ contender }) => contender)).size === 1;
  const gapsMs = measured.flatMap(({ contender, fromMs }, i) => {
    const before = measured[i - 1];
    return before !== undefined && (alone || before.contender !== contender) ? [fromMs - before.untilMs] : [];
  });
  if (gapsMs.length === 0) throw new UnfairError("nothing was handed over in the time that was measured");
  const spanMs = measured.at(-1)!.fromMs - measured[0]!.fromMs;
  gapsMs.sort((a, b) => a - b);
  return {
    perSecond: (gapsMs.length * 1000) / spanMs,
    gapMs: { p50: median(gapsMs), p99: gapsMs[Math.ceil(gapsMs.length * 0.99) - 1]! },
  };
}
