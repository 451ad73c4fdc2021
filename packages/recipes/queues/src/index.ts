/** Queues of tasks, each delivered at least once: first in first out, by priority, delayed. */
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
  type Transaction,
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
  isGrantLostError,
  isStaleTokenError,
  isWaitTimeoutError,
  isWriteOutcomeUnknownError,
  StaleTokenError,
  type TokenHolder,
  type WaitOptions,
  WaitTimeoutError,
  type WriteOutcome,
  WriteOutcomeUnknownError,
} from "@corral/recipe-kit";
export { type Choice, chooseItems, isSpent, type QueueView, waitingItems } from "./choose-items.ts";
export type { ConsumeOptions } from "./consumption.ts";
export { curatorItems } from "./curator-items.ts";
export { type DeadLetter, DeadLetters } from "./dead-letters.ts";
export { type DelayOptions, DelayQueue } from "./delay-queue.ts";
export { type AcknowledgeOptions, Delivery, type ReleaseOptions, type RequeueOptions } from "./delivery.ts";
export { isQueueFullError, QueueFullError } from "./errors.ts";
export type { ExplainedDelivery, ExplainedItem, QueueExplanation } from "./explain.ts";
export { compareItems, type ItemName, type ItemOrder, itemNamePrefix, parseItemName } from "./item-name.ts";
export { ItemQueue, type QueueArguments, type QueueOptions } from "./item-queue.ts";
export { decideTurn } from "./line.ts";
export { type PriorityOptions, PriorityQueue } from "./priority-queue.ts";
export type { Handler, ProcessOptions } from "./process.ts";
export { Queue } from "./queue.ts";
export { hasRoom } from "./room.ts";
