/** Who offers what, where, and how it does. */
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
export { type Assessed, assess, type Exclusion, type Wishes } from "./availability.ts";
export type { SweepOptions } from "./clean-up.ts";
export {
  decideEntry,
  type EntryDecision,
  type EntryRequest,
  type Mark,
  type Removals,
  type Situation,
} from "./decide-entry.ts";
export {
  type DownPolicy,
  defaultDownPolicy,
  type FailureRecord,
  isDown,
  noFailures,
  noteFailure,
} from "./down-policy.ts";
export { type DecodedEntry, decodeEntry, type EntryFormat, encodeEntry } from "./entry-json.ts";
export {
  InvalidPayloadError,
  isInvalidPayloadError,
  isMalformedEntryError,
  isNameTakenError,
  MalformedEntryError,
  type NameHolder,
  NameTakenError,
} from "./errors.ts";
export type { ExplainedInstance, NameContender, ServiceExplanation } from "./explain.ts";
export { type InstanceFilter, isWanted } from "./filter.ts";
export { type Health, type HealthEvent, type HealthPolicy, nextHealth } from "./health.ts";
export type { HealthCheck, HealthOptions } from "./health-monitor.ts";
export type { HttpHandler, HttpOptions } from "./http-handler.ts";
export type {
  HealthState,
  InstanceChanges,
  InstanceFields,
  InstanceSpec,
  ServiceInstance,
  ServiceType,
} from "./instance.ts";
export type { MalformedEntry } from "./instances.ts";
export { KeptRegistration, type KeptState } from "./kept-registration.ts";
export type { InstancesView } from "./observe-instances.ts";
export { Provider, type ProviderExplanation, type ProviderOptions } from "./provider.ts";
export { Registration } from "./registration.ts";
export {
  type RegisterOptions,
  type RegistrationRequest,
  type RegistryArguments,
  type RegistryOptions,
  ServiceRegistry,
} from "./registry.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./standard-schema.ts";
export {
  type Candidate,
  type Candidates,
  type Choice,
  leastRecentlyFailed,
  type Memory,
  preferZone,
  random,
  roundRobin,
  type Strategy,
  type StrategyName,
  sticky,
  weighted,
} from "./strategies.ts";
export { buildUri, formatUriSpec, parseUriSpec, type UriFields, type UriPart, type UriSpec } from "./uri-spec.ts";
