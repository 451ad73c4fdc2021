/** The same statistics without any of the rest: one process, one file after the other. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { TextFile } from "../input/find-texts.ts";
import { countFile } from "../input/read-text.ts";
import { type CorpusStatistics, CorpusSummary } from "../words/statistics.ts";

/** Counts the texts below `input`. Rejects when one cannot be read. */
export async function computeDirectly(
  input: string,
  texts: readonly TextFile[],
  topWords: number,
  signal: AbortSignal,
): Promise<CorpusStatistics> {
  const summary = new CorpusSummary(topWords);
  for (const { path } of texts) {
    summary.add(path, await countFile(join(input, path), signal));
  }
  return summary.statistics();
}

/** The texts that are no longer what they were when the run began: their counts may rightly differ. */
export async function changedSince(input: string, texts: readonly TextFile[]): Promise<string[]> {
  const changed: string[] = [];
  for (const { path, bytes, modifiedMs } of texts) {
    const now = await stat(join(input, path));
    if (now.size !== bytes || now.mtimeMs !== modifiedMs) {
      changed.push(path);
    }
  }
  return changed;
}
