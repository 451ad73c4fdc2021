/** What can come of waiting for something and of holding it. Recognised by marks, so that two copies of a package agree. */

const mark = Symbol.for("corral.recipe.error");

type RecipeErrorName = "GrantLostError" | "WaitTimeoutError";

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
export class GrantLostError extends Error {
  override readonly name = "GrantLostError";
  /** The node that stood for the grant. */
  readonly path: string;
  readonly reason: GrantLossReason;

  constructor(path: string, reason: GrantLossReason) {
    super(`${path} is not held any more: ${reason}. Stop acting on it, and acquire it again.`);
    this.path = path;
    this.reason = reason;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** What was waited for did not come in time. Nothing is left behind of the attempt. */
export class WaitTimeoutError extends Error {
  override readonly name = "WaitTimeoutError";
  readonly path: string;
  readonly timeoutMs: number;

  constructor(what: string, path: string, timeoutMs: number) {
    super(
      `${what} ${path} did not come within ${timeoutMs} ms. Allow more time, or see with explain() who is in the way.`,
    );
    this.path = path;
    this.timeoutMs = timeoutMs;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` says that a grant was lost, of whatever copy of the package it is. */
export function isGrantLostError(error: unknown): error is GrantLostError {
  return isNamed(error, "GrantLostError");
}

/** Whether `error` says that a wait took too long, of whatever copy of the package it is. */
export function isWaitTimeoutError(error: unknown): error is WaitTimeoutError {
  return isNamed(error, "WaitTimeoutError");
}

function isNamed(error: unknown, name: RecipeErrorName): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === name;
}
