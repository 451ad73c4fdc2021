/** What an edit does to the history. Pure. */
import { limits } from "./limits.ts";

/** What an edit adds to the history and takes from it, in one transaction with the new version. */
export interface HistoryPlan {
  /** Whether the version that it replaces must be added: something else has written it. */
  readonly addsReplaced: boolean;
  /** Versions that are removed, oldest first. */
  readonly forgotten: readonly number[];
}

/**
 * `kept`: the versions in the history. `replaced`: the version that the edit replaces by the next. `keep`: so many are to
 * be left, the new one included.
 */
export function planHistory({
  kept,
  replaced,
  keep,
}: {
  readonly kept: readonly number[];
  readonly replaced: number;
  readonly keep: number;
}): HistoryPlan {
  const addsReplaced = !kept.includes(replaced);
  const added = addsReplaced ? 2 : 1;
  const excess = Math.min(kept.length, Math.max(0, kept.length + added - keep), limits.forgetAtOnce);
  // What the edit replaces is never forgotten by it: somebody may want to go back.
  const oldest = [...kept].sort((a, b) => a - b).filter((version) => version !== replaced);
  return { addsReplaced, forgotten: oldest.slice(0, excess) };
}
