/** One leader at a time. */
export { type Client, connect, isCoordinationError } from "@corral/client";
export {
  Fence,
  type FenceOptions,
  fenced,
  type GrantLossReason,
  GrantLostError,
  type Guard,
  isGrantLostError,
  isStaleTokenError,
  isWaitTimeoutError,
  StaleTokenError,
  type TokenHolder,
  type WaitOptions,
  WaitTimeoutError,
} from "@corral/recipe-kit";
export {
  decideByPreference,
  decideFirstCome,
  decideHandOver,
  type HandOverDecision,
  type PreferenceDecision,
} from "./decide.ts";
export { Election, type ElectionExplanation, type ElectionOptions, type Participant } from "./election.ts";
export { HandOverError, isHandOverError } from "./errors.ts";
export { Leadership } from "./leadership.ts";
export type { Leader, LeaderView } from "./observe-leader.ts";
