/** Whether a server can be left alone, should be restarted, or should get no clients for now; and why. */
import { epochsAreSpent, epochWarning } from "../storage/epochs.ts";
import { nearLimits } from "./limits-used.ts";
import type { Subject } from "./subject.ts";

/** Where a server stands in its life. */
export type Phase = "recovering" | "serving" | "stopping" | "failed";

/** What `/health` says. */
export interface Health {
  /**
   * False: the server has stopped by itself, and a restart is all it takes. Not after a log that failed: a restart helps then only
   * when the disk is mended, and until then would end the reads as well.
   */
  readonly live: boolean;
  /** False: it cannot serve clients fully now. */
  readonly ready: boolean;
  /** Why not live or not ready. */
  readonly reasons: readonly string[];
  /** What will go wrong if it goes on like this. */
  readonly warnings: readonly string[];
}

/** Judges; `subject` is there once recovery is over. */
export function healthOf(phase: Phase, subject: Subject | undefined): Health {
  const reasons: string[] = [];
  if (phase === "recovering" || subject === undefined) reasons.push("the data directory is being recovered");
  if (phase === "stopping") reasons.push("the server is stopping");
  if (phase === "failed") reasons.push("the server had to stop by itself: see its log");
  if (subject?.replica.writesStopped) {
    reasons.push("the log cannot be written, so writes are refused: mend the disk, then restart the server");
  }
  if (subject?.replica.diskIsLow) {
    const { minFreeDiskBytes } = subject.config.limits;
    reasons.push(
      `the disk is nearly full, so writes are refused: make room, until ${2 * minFreeDiskBytes} bytes are free (twice limits.minFreeDiskBytes)`,
    );
  }
  if (subject?.replica.epochsAreSpent) reasons.push(epochsAreSpent);
  const warnings = subject === undefined ? [] : [...nearLimits(subject), ...(subject.secure?.warnings ?? [])];
  const epochs = subject && !subject.replica.epochsAreSpent ? epochWarning(subject.replica.epoch) : undefined;
  if (epochs !== undefined) warnings.push(epochs);
  if (subject?.replica.stats.lastSnapshotFailed) {
    warnings.push(
      "the last snapshot could not be written, so the log grows until one can: see the server's log, and back up with `corral dump`",
    );
  }
  if (subject?.audit?.isFailing) {
    warnings.push(
      "the audit log cannot be written: see the server's log, and make room for auditFile, or without one read standard error",
    );
  }
  return { live: phase !== "failed", ready: reasons.length === 0, reasons, warnings };
}
