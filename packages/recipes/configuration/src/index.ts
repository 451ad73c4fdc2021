/** Typed configuration: checked by a schema, live, versioned, staged with consent, rolled back. */
export {
  type Acl,
  type Client,
  type Codec,
  compressed,
  connect,
  creatorAllAcl,
  isCoordinationError,
  json,
  msgpack,
  type Observed,
  openAcl,
  optional,
  raw,
  readOnlyAcl,
  utf8,
  validated,
} from "@corral/client";
export {
  isWaitTimeoutError,
  isWriteOutcomeUnknownError,
  type WaitOptions,
  WaitTimeoutError,
  type WriteOutcome,
  WriteOutcomeUnknownError,
} from "@corral/recipe-kit";
export {
  type Change,
  Configuration,
  type ConfigurationExplanation,
  type ConfigurationOptions,
  type EditOptions,
  type RollOutOptions,
  type SubscriberInfo,
} from "./configuration.ts";
export type { Consent } from "./consent.ts";
export { chooseCanaries, judge, type Proposed, type Standing, type Subscriber } from "./decide.ts";
export { type Difference, diff } from "./diff.ts";
export {
  InvalidConfigurationError,
  isInvalidConfigurationError,
  isProposalClosedError,
  isProposalOutdatedError,
  isProposalPendingError,
  isProposalRefusedError,
  isProposalUnreadableError,
  isVersionNotKeptError,
  ProposalClosedError,
  ProposalOutdatedError,
  ProposalPendingError,
  ProposalRefusedError,
  ProposalUnreadableError,
  type Refusal,
  VersionNotKeptError,
} from "./errors.ts";
export { type HistoryPlan, planHistory } from "./history.ts";
export { merge, type Overrides } from "./merge.ts";
export { Proposal, type ProposalState, type TryOutOptions } from "./proposal.ts";
export type { Answer, Cause, SubscriberRecord } from "./records.ts";
export type { ConfigurationSchema, Issue } from "./schema.ts";
export type { Made, Revision } from "./store.ts";
export { type SubscribeOptions, Subscription } from "./subscription.ts";
export type { Active, ConfigurationView, Problem } from "./view.ts";
