/** How the command ends, for scripts. */
import { isCoordinationError } from "@corral/client";
import { type CopyErrorCode, isCopyError } from "../copy-error.ts";

/** What each exit code means; docs and `--help` say the same. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  noNode: 3,
  conflict: 4,
  notAllowed: 5,
  noConnection: 6,
  notCopied: 7,
  interrupted: 130,
} as const;

/** In words, for `--help`. */
export const exitCodesText =
  "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such node, 4 it is there already, has another version or has children, " +
  "5 not allowed, 6 no connection, 7 not copied as it should be, 130 interrupted.";

const byCode: Readonly<Record<string, number>> = {
  NoNode: exitCodes.noNode,
  NodeExists: exitCodes.conflict,
  BadVersion: exitCodes.conflict,
  NotEmpty: exitCodes.conflict,
  NoAuth: exitCodes.notAllowed,
  AuthFailed: exitCodes.notAllowed,
  SessionClosedRequireSaslAuth: exitCodes.notAllowed,
  NotTrusted: exitCodes.noConnection,
  ConnectTimeout: exitCodes.noConnection,
  ConnectionLoss: exitCodes.noConnection,
  SessionExpired: exitCodes.noConnection,
  BadArguments: exitCodes.usage,
};

const byCopyCode: Readonly<Record<CopyErrorCode, number>> = {
  "not-empty": exitCodes.conflict,
  unreadable: exitCodes.notAllowed,
  unwritable: exitCodes.notAllowed,
  "smaller-tokens": exitCodes.notCopied,
  "bad-dump": exitCodes.notCopied,
  different: exitCodes.notCopied,
};

/** A flag or an argument that cannot be meant so. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The exit code for what ended the command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (isCopyError(error)) return byCopyCode[error.code];
  if (isCoordinationError(error)) return byCode[error.code] ?? exitCodes.failed;
  return exitCodes.failed;
}
