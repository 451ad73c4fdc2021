/** What can come of transactions besides commit and abort. Recognised by marks, so that two copies of this package agree. */

const mark = Symbol.for("corral.transactions.error");

type ErrorName =
  | "UnknownParticipantError"
  | "TooManyOpenError"
  | "BeginUnknownError"
  | "OutcomeForgottenError"
  | "ParticipantServingError";

/** Nobody has ever served for the participant: a transaction with it would wait for a vote that nobody gives. */
export class UnknownParticipantError extends Error {
  override readonly name = "UnknownParticipantError";
  readonly participant: string;

  constructor(participant: string, path: string) {
    super(
      `Nobody has ever served for the participant ${JSON.stringify(participant)} below ${path}, so nothing was begun. Check the name, or let it serve once first.`,
    );
    this.participant = participant;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** A participant has left so many transactions unacknowledged that no more are begun with it. */
export class TooManyOpenError extends Error {
  override readonly name = "TooManyOpenError";
  readonly participant: string;
  readonly open: number;

  constructor(participant: string, open: number) {
    super(
      `${open} transactions wait for the participant ${JSON.stringify(participant)}, so nothing was begun. Let it serve; if it will never come back, retire() it.`,
    );
    this.participant = participant;
    this.open = open;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** It was lost whether the transaction has begun: since then so many others were begun that it may be forgotten. */
export class BeginUnknownError extends Error {
  override readonly name = "BeginUnknownError";
  readonly id: string;

  constructor(id: string) {
    super(
      `Whether the transaction ${id} was begun, and what became of it, cannot be found out any more: too many were begun since. Ask its participants.`,
    );
    this.id = id;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** There is no such transaction: it finished long ago, or never was. */
export class OutcomeForgottenError extends Error {
  override readonly name = "OutcomeForgottenError";
  readonly id: string;

  constructor(id: string) {
    super(
      `There is no transaction ${id}: it has finished and many others since, or there never was one. Ask earlier, or keep more of them with \`keep\`.`,
    );
    this.id = id;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** A participant that is to be retired is alive. */
export class ParticipantServingError extends Error {
  override readonly name = "ParticipantServingError";
  readonly participant: string;

  constructor(participant: string) {
    super(
      `A process serves for the participant ${JSON.stringify(participant)}, so it was not retired. End that process first.`,
    );
    this.participant = participant;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` is an UnknownParticipantError, of whatever copy of this package. */
export function isUnknownParticipantError(error: unknown): error is UnknownParticipantError {
  return isNamed(error, "UnknownParticipantError");
}

/** Whether `error` is a TooManyOpenError, of whatever copy of this package. */
export function isTooManyOpenError(error: unknown): error is TooManyOpenError {
  return isNamed(error, "TooManyOpenError");
}

/** Whether `error` is a BeginUnknownError, of whatever copy of this package. */
export function isBeginUnknownError(error: unknown): error is BeginUnknownError {
  return isNamed(error, "BeginUnknownError");
}

/** Whether `error` is an OutcomeForgottenError, of whatever copy of this package. */
export function isOutcomeForgottenError(error: unknown): error is OutcomeForgottenError {
  return isNamed(error, "OutcomeForgottenError");
}

/** Whether `error` is a ParticipantServingError, of whatever copy of this package. */
export function isParticipantServingError(error: unknown): error is ParticipantServingError {
  return isNamed(error, "ParticipantServingError");
}

function isNamed(error: unknown, name: ErrorName): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === name;
}
