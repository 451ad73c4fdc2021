/**
 * Waits until all have ended, however they do; then rejects as the first in the list that did. Unlike `Promise.all`, which
 * leaves those behind that are still under way when one fails.
 */
export async function settleAll(promises: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}
