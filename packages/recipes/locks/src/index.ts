/** Locks among processes. */
export { type Client, connect, isCoordinationError } from "@corral/client";
export {
  Fence,
  type FenceOptions,
  fenced,
  Grant,
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
export { decideMutex } from "./decide-mutex.ts";
export { LockGrant } from "./lock-grant.ts";
export { MultiGrant, MultiLock } from "./multi-lock.ts";
export { Mutex } from "./mutex.ts";
export { type ExplainedContender, type LockExplanation, type LockOptions, QueueLock } from "./queue-lock.ts";
export { decideRead, decideWrite, ReadWriteLock } from "./read-write-lock.ts";
export { decideLease, encodeLimit, Semaphore, type SemaphoreOptions } from "./semaphore.ts";
