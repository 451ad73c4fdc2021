/** What can come of waiting for something and of holding it: of recipes, and of the transactions that a grant guards. */
import { CoordinationError, isCoordinationError } from "./errors.ts";

/** Why a grant ended without being given back. */
export type GrantLossReason =
  /** The session is over, or may be: its node is, or may be, gone. */
  | "session lost"
  /** Somebody deleted the node. */
  | "node deleted"
  /** The client was closed. */
  | "client closed"
  /** The connection broke, and the grant was asked to end then. */
  | "connection lost"
  /** The holder was asked to give it up, and did. */
  | "revoked";

/** What was held is not held any more. Whatever was done since may have overlapped with the next holder's. */
export class GrantLostError extends CoordinationError<"GrantLost"> {
  /** The node that stood for the grant. */
  declare readonly path: string;
  readonly reason: GrantLossReason;

  constructor(path: string, reason: GrantLossReason, { cause }: { readonly cause?: unknown } = {}) {
    const text = `${path} is not held any more: ${reason}. Stop acting on it, and acquire it again.`;
    super("GrantLost", { path, cause }, text);
    this.reason = reason;
  }

  static {
    Object.defineProperty(GrantLostError.prototype, "name", { value: "GrantLostError", configurable: true });
  }
}

/**
 * What was waited for did not come in time. Of a recipe's attempt nothing is left behind; of a client's call, a write may
 * happen all the same.
 */
export class WaitTimeoutError extends CoordinationError<"WaitTimeout"> {
  readonly timeoutMs: number;

  /** `path`: of what, if it was a node. `remedy`: what to do, where that is not to ask `explain()`. */
  constructor(
    what: string,
    path: string | undefined,
    timeoutMs: number,
    remedy = "Allow more time, or see with explain() who is in the way.",
  ) {
    const told = `${path === undefined ? what : `${what} ${path}`} did not come within ${timeoutMs} ms.`;
    super("WaitTimeout", { path }, `${told} ${remedy}`);
    this.timeoutMs = timeoutMs;
  }

  static {
    Object.defineProperty(WaitTimeoutError.prototype, "name", { value: "WaitTimeoutError", configurable: true });
  }
}

/** Whether `error` says that a grant was lost, of whatever copy of the package it is. */
export function isGrantLostError(error: unknown): error is GrantLostError {
  return isCoordinationError(error, "GrantLost");
}

/** Whether `error` says that a wait took too long, of whatever copy of the package it is. */
export function isWaitTimeoutError(error: unknown): error is WaitTimeoutError {
  return isCoordinationError(error, "WaitTimeout");
}
