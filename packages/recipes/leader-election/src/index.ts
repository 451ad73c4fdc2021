/** One leader at a time. */
export { type Client, connect, isCoordinationError } from "@corral/client";
export {
  type GrantLossReason,
  GrantLostError,
  type Guard,
  isGrantLostError,
  isWaitTimeoutError,
  type WaitOptions,
  WaitTimeoutError,
} from "@corral/recipe-kit";
export { decideByPreference, decideFirstCome, type PreferenceDecision } from "./decide.ts";
export { Election, type ElectionExplanation, type ElectionOptions, type Participant } from "./election.ts";
export { Leadership } from "./leadership.ts";
export type { Leader, LeaderView } from "./observe-leader.ts";
