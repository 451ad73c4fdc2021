/** Barriers among processes. */
export { type Client, connect, isCoordinationError } from "@corral/client";
export {
  type Contender,
  type GrantLossReason,
  GrantLostError,
  type Guard,
  isGrantLostError,
  isWaitTimeoutError,
  type WaitOptions,
  WaitTimeoutError,
} from "@corral/recipe-kit";
export { Barrier, type BarrierExplanation } from "./barrier.ts";
export {
  decideEnter,
  decideLeave,
  type EnterDecision,
  type EnterView,
  type LeaveDecision,
  membersThere,
  partyNames,
  type Ready,
} from "./decide-double.ts";
export { decidePhase, type PhaseDecision, type PhaseView } from "./decide-phase.ts";
export {
  DoubleBarrier,
  type DoubleBarrierExplanation,
  type DoubleBarrierOptions,
  type PartyView,
} from "./double-barrier.ts";
export { Inside } from "./inside.ts";
export {
  type ArrivedParty,
  type ArriveOptions,
  PhasedBarrier,
  type PhasedBarrierExplanation,
  type PhasedBarrierOptions,
} from "./phased-barrier.ts";
