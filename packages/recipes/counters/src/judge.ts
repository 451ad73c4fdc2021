/**
 * What the answer to an attempt says. Pure. An attempt is one transaction:
 *
 * 0  set the receipt, from the version that its owner knows
 * 1  set the value, from the version that was read
 *
 * While no answer comes, the very same attempt is made again. It can happen once at most, however many are under way,
 * for each moves both versions on; and the operation that refuses it tells what became of the others:
 *
 * - the receipt has moved on: only its owner moves it, so an earlier attempt has happened
 * - the receipt is as it was, the value has moved on: no earlier attempt has happened, and none can any more
 * - the receipt is gone: no attempt can happen any more; whether one has, the receipt could have told
 *
 * When nobody wants the change any more, the receipt is removed from that same version instead: it goes only if no attempt
 * has happened, and then none can.
 */
import { isCoordinationError, isRecoverable, type TransactionError } from "@corral/client";

/** Operation of an attempt. */
const receiptOperation = 0;

/** What is known after an answer. */
export type Verdict =
  /** It happened, now or at an earlier attempt. */
  | { readonly kind: "applied" }
  /** It did not happen and will not: somebody else's change came first. */
  | { readonly kind: "overtaken" }
  /** It did not happen and will not: the receipt is gone, and perhaps the value with it. */
  | { readonly kind: "receipt gone" }
  /** It did not happen and will not: the receipt was removed. */
  | { readonly kind: "withdrawn" }
  /** No answer. `mayHaveHappened`: or may still happen. */
  | { readonly kind: "again"; readonly mayHaveHappened: boolean }
  /** It may have happened, and there is no way left to find out. */
  | { readonly kind: "unknown"; readonly cause: unknown }
  /** It did not happen, for a reason that repeating cannot mend. */
  | { readonly kind: "failed"; readonly error: unknown };

/** Judges the error of an attempt. `isOpen`: an earlier one may have happened, or may still. */
export function judge(error: unknown, isOpen: boolean): Verdict {
  if (isRefusal(error)) {
    if (error.index === receiptOperation && error.code === "BadVersion") return { kind: "applied" };
    if (error.index === receiptOperation && error.code === "NoNode") {
      return isOpen ? { kind: "unknown", cause: error } : { kind: "receipt gone" };
    }
    if (error.code === "BadVersion") return { kind: "overtaken" };
  }
  if (isCoordinationError(error, "SessionExpired")) return { kind: "again", mayHaveHappened: false };
  if (isRecoverable(error)) return { kind: "again", mayHaveHappened: !isCoordinationError(error, "ThrottledOp") };
  return isOpen ? { kind: "unknown", cause: error } : { kind: "failed", error };
}

/**
 * Judges the error of removing the receipt. `isOpen`: an earlier removal may have happened. `isAlone`: nobody else can
 * have removed it yet.
 */
export function judgeWithdrawal(error: unknown, isOpen: boolean, isAlone: boolean): Verdict {
  if (isCoordinationError(error, "BadVersion")) return { kind: "applied" };
  if (isCoordinationError(error, "NoNode") && isOpen && isAlone) return { kind: "withdrawn" };
  if (isCoordinationError(error, "SessionExpired")) return { kind: "again", mayHaveHappened: false };
  if (isRecoverable(error)) return { kind: "again", mayHaveHappened: !isCoordinationError(error, "ThrottledOp") };
  return { kind: "unknown", cause: error };
}

/** Of whatever copy of the client. */
function isRefusal(error: unknown): error is TransactionError {
  return isCoordinationError(error) && "index" in error;
}

/** The version that a set makes of `version`. It wraps around, past −1, which would mean any. */
export function nextVersion(version: number): number {
  return version === -2 ? 0 : (version + 1) | 0;
}
