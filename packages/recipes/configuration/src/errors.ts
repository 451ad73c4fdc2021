/** What can come of changes to a configuration. Recognised by marks, so that two copies of this package agree. */
import { describeIssues, type Issue } from "./schema.ts";

const mark = Symbol.for("corral.configuration.error");

type ErrorName =
  | "InvalidConfigurationError"
  | "VersionNotKeptError"
  | "ProposalPendingError"
  | "ProposalRefusedError"
  | "ProposalOutdatedError"
  | "ProposalClosedError"
  | "ProposalUnreadableError";

/** A value is not what it should be. Nothing was written. */
export class InvalidConfigurationError extends Error {
  override readonly name = "InvalidConfigurationError";
  readonly path: string;
  readonly issues: readonly Issue[];

  /** `what`: what is wrong, as the beginning of a sentence. */
  constructor(what: string, path: string, issues: readonly Issue[]) {
    super(`${what} ${path} is not valid: ${describeIssues(issues)}. Correct that, and try again.`);
    this.path = path;
    this.issues = issues;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** The version that was asked for is not in the history: too old, or there never was one. */
export class VersionNotKeptError extends Error {
  override readonly name = "VersionNotKeptError";
  readonly path: string;
  readonly version: number;

  constructor(path: string, version: number, kept: readonly number[]) {
    const told = kept.length === 0 ? "no version is" : `${kept.join(", ")} are`;
    super(`Version ${version} of ${path} is not kept; ${told}. Choose one of those, or keep more with \`keep\`.`);
    this.path = path;
    this.version = version;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Another change is proposed. One at a time. */
export class ProposalPendingError extends Error {
  override readonly name = "ProposalPendingError";
  readonly path: string;
  /** Of the other. */
  readonly author: string;

  constructor(path: string, author: string, comment: string) {
    super(
      `A change of ${path} is proposed already, by ${author || "somebody"}${comment && `: ${comment}`}. Wait for it, or withdraw it: proposal() gives it.`,
    );
    this.path = path;
    this.author = author;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Who does not want a change, and why. */
export interface Refusal {
  /** What the subscriber gave as `identity`. */
  readonly identity: string;
  readonly issues: readonly Issue[];
}

/** Somebody does not want the change. */
export class ProposalRefusedError extends Error {
  override readonly name = "ProposalRefusedError";
  readonly path: string;
  readonly refusals: readonly Refusal[];

  constructor(path: string, refusals: readonly Refusal[]) {
    const told = refusals.map(({ identity, issues }) => `${identity || "somebody"} says ${describeIssues(issues)}`);
    super(`The change of ${path} is refused: ${told.join("; ")}. Withdraw it, and propose a better one.`);
    this.path = path;
    this.refusals = refusals;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Since it was proposed, something else has been changed: what all have agreed to is not what it would do. */
export class ProposalOutdatedError extends Error {
  override readonly name = "ProposalOutdatedError";
  readonly path: string;

  constructor(path: string, base: number, current: number) {
    super(
      `The change of ${path} was proposed for version ${base}, and version ${current} is there by now. Withdraw it, and propose it again.`,
    );
    this.path = path;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Somebody has activated or withdrawn the proposal. */
export class ProposalClosedError extends Error {
  override readonly name = "ProposalClosedError";
  readonly path: string;
  /** `undefined`: it was withdrawn, or activated so long ago that nobody knows. */
  readonly activated: number | undefined;

  constructor(path: string, activated: number | undefined) {
    const told = activated === undefined ? "was withdrawn" : `was activated as version ${activated}`;
    super(`The change of ${path} ${told}. There is nothing left to do with it.`);
    this.path = path;
    this.activated = activated;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Where proposals are, there is something else: written by hand, or by a program to come. */
export class ProposalUnreadableError extends Error {
  override readonly name = "ProposalUnreadableError";
  readonly path: string;

  /** `path`: of the proposal's node. */
  constructor(path: string, cause: unknown) {
    super(
      `What is at ${path} is no proposal that this program can read. Unless a newer program has written it, set it to nothing.`,
      { cause },
    );
    this.path = path;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` is an InvalidConfigurationError, of whatever copy of this package. */
export function isInvalidConfigurationError(error: unknown): error is InvalidConfigurationError {
  return isNamed(error, "InvalidConfigurationError");
}

/** Whether `error` is a VersionNotKeptError, of whatever copy of this package. */
export function isVersionNotKeptError(error: unknown): error is VersionNotKeptError {
  return isNamed(error, "VersionNotKeptError");
}

/** Whether `error` is a ProposalPendingError, of whatever copy of this package. */
export function isProposalPendingError(error: unknown): error is ProposalPendingError {
  return isNamed(error, "ProposalPendingError");
}

/** Whether `error` is a ProposalRefusedError, of whatever copy of this package. */
export function isProposalRefusedError(error: unknown): error is ProposalRefusedError {
  return isNamed(error, "ProposalRefusedError");
}

/** Whether `error` is a ProposalOutdatedError, of whatever copy of this package. */
export function isProposalOutdatedError(error: unknown): error is ProposalOutdatedError {
  return isNamed(error, "ProposalOutdatedError");
}

/** Whether `error` is a ProposalClosedError, of whatever copy of this package. */
export function isProposalClosedError(error: unknown): error is ProposalClosedError {
  return isNamed(error, "ProposalClosedError");
}

/** Whether `error` is a ProposalUnreadableError, of whatever copy of this package. */
export function isProposalUnreadableError(error: unknown): error is ProposalUnreadableError {
  return isNamed(error, "ProposalUnreadableError");
}

function isNamed(error: unknown, name: ErrorName): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === name;
}
