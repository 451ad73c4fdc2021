/** Sessions, requests, watches and transactions on any server that speaks ZooKeeper's protocol. Begin with `connect()`. */
export {
  type Acl,
  type ClientInfo,
  type CreateModeName,
  creatorAllAcl,
  maxTtlMs,
  openAcl,
  Permission,
  pathProblem,
  permissionLetters,
  permissionsOfLetters,
  readOnlyAcl,
} from "@corral/protocol";
export { Client } from "./client.ts";
export { json, optional, raw, utf8 } from "./codecs/basic.ts";
export type { Codec, TypedBy, TypedValue } from "./codecs/codec.ts";
export { compressed } from "./codecs/compressed.ts";
export { msgpack } from "./codecs/msgpack.ts";
export { type SchemaIssue, type SchemaResult, type StandardSchema, validated } from "./codecs/validated.ts";
export { connect } from "./connect.ts";
export { type ConnectTarget, parseConnectString } from "./connect-string.ts";
export {
  AuthFailedError,
  BadArgumentsError,
  BadVersionError,
  ClientClosedError,
  ConnectionLossError,
  ConnectTimeoutError,
  type CoordinationCode,
  CoordinationError,
  type ErrorContext,
  type HostDiagnosis,
  InvalidAclError,
  isBadVersionError,
  isConnectTimeoutError,
  isCoordinationError,
  isRecoverable,
  isTransactionError,
  MarshallingError,
  NoAuthError,
  NoChildrenForEphemeralsError,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
  NotReadOnlyError,
  NotTrustedError,
  QuotaExceededError,
  SessionExpiredError,
  SessionMovedError,
  ThrottledOpError,
  TransactionError,
  type TransactionOperationName,
  UnimplementedError,
} from "./errors.ts";
export type { Engine } from "./features.ts";
export {
  type GrantLossReason,
  GrantLostError,
  isGrantLostError,
  isWaitTimeoutError,
  WaitTimeoutError,
} from "./grant-errors.ts";
export type { HostOrder } from "./host-rotation.ts";
export { insist, isInterruption, type Patience } from "./insist.ts";
export type { ClientMetrics, OperationMetrics } from "./meter.ts";
export { Observed } from "./observe/observed.ts";
export { type ObservedNode, type ObservedTree, type TreeChange, treeChanges } from "./observe/tree-view.ts";
export type { CreatedNode } from "./operations/create.ts";
export { type ChildrenResult, type GetResult, MultiRead, type ReadFailure } from "./operations/multi-read.ts";
export type { ChildrenAndStat, NodeData } from "./operations/read.ts";
export type { ReconfigOptions } from "./operations/reconfig.ts";
export type { SetOrCreated } from "./operations/write.ts";
export type {
  CallOptions,
  ClientOptions,
  CreateOptions,
  CreateParents,
  Data,
  DeleteOptions,
  NodeOptions,
  ObserveOptions,
  ReadOptions,
  SaslOptions,
  SetOrCreateOptions,
  VersionOptions,
  WatchOptions,
} from "./options.ts";
export type { ClientState, LostReason } from "./session-types.ts";
export type { Stat } from "./stat.ts";
export type { StateEvent, StateListener } from "./state-emitter.ts";
export type { ConnectionTrace, RequestTrace } from "./tracing.ts";
export {
  type CheckResult,
  type CreateResult,
  type DeleteResult,
  type SetResult,
  Transaction,
  type TransactionGuard,
  type TransactionResult,
  type TransactionResults,
} from "./transaction.ts";
export { Tree } from "./tree.ts";
export type { WatchEvent, WatchEventKind, Watcher } from "./watch-event.ts";
