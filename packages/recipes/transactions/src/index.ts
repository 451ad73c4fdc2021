/** Two-phase commit: several participants all carry something out, or none does. */
export {
  type Client,
  type Codec,
  compressed,
  connect,
  isCoordinationError,
  json,
  msgpack,
  optional,
  raw,
  utf8,
  validated,
} from "@corral/client";
export {
  type Contender,
  Fence,
  type FenceOptions,
  fenced,
  isStaleTokenError,
  isWaitTimeoutError,
  StaleTokenError,
  type TokenHolder,
  type WaitOptions,
  WaitTimeoutError,
} from "@corral/recipe-kit";
export {
  blank,
  type Decision,
  decideOutcome,
  decideStep,
  type Memory,
  type Step,
  type TransactionView,
  type Vote,
} from "./decide.ts";
export { DistributedTransaction, type Outcome, type TransactionState } from "./distributed-transaction.ts";
export {
  BeginUnknownError,
  isBeginUnknownError,
  isOutcomeForgottenError,
  isParticipantServingError,
  isTooManyOpenError,
  isUnknownParticipantError,
  OutcomeForgottenError,
  ParticipantServingError,
  TooManyOpenError,
  UnknownParticipantError,
} from "./errors.ts";
export type { ExplainedParticipant, TransactionExplanation } from "./explain.ts";
export type { Participant, Task } from "./participant.ts";
export { type OpenTask, type ServeOptions, Serving, type ServingView } from "./serving.ts";
export type { TaskPhase } from "./task-run.ts";
export {
  type BeginOptions,
  TwoPhaseCommit,
  type TwoPhaseCommitArguments,
  type TwoPhaseCommitOptions,
} from "./two-phase-commit.ts";
