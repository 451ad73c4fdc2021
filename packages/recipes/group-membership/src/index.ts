/** Who is there, and who does what of what is to be divided. */
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
  decideTaken,
  type NameHolder,
  type TakenDecision,
  type TakenView,
  type WhenTaken,
} from "./membership/decide-taken.ts";
export { isMemberNameTakenError, MemberNameTakenError } from "./membership/errors.ts";
export {
  Group,
  type GroupArguments,
  type GroupOptions,
  type JoinOptions,
  type MemberExplanation,
} from "./membership/group.ts";
export { bySeniority, type Member, type MemberChanges, memberChanges } from "./membership/member.ts";
export { Membership } from "./membership/membership.ts";
export type { MembersView } from "./membership/observe-members.ts";
export { StandingMembership } from "./membership/standing-membership.ts";
export { decidePlan, decidePlanner, decideShard, decideShards, memberNames } from "./sharding/decide.ts";
export { Participation } from "./sharding/participation.ts";
export { type Owners, type PartitionFunction, partition } from "./sharding/partition.ts";
export { ShardGrant } from "./sharding/shard-grant.ts";
export { type ShardExplanation, ShardedGroup, type ShardedGroupOptions } from "./sharding/sharded-group.ts";
