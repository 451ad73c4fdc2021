/** What Corral's recipes are made of. Programs use the recipes; this is for those who write one. */
export { Bell, callAfter } from "./bell.ts";
export { ensureContainer } from "./container.ts";
export { type Contest, contend, contendOnce, type Decision, decideInTurn, nodeChanges } from "./contend.ts";
export {
  type GrantLossReason,
  GrantLostError,
  isGrantLostError,
  isWaitTimeoutError,
  WaitTimeoutError,
} from "./errors.ts";
export { type Contender, contenders } from "./explain.ts";
export { Fence, type FenceOptions, fenced, isStaleTokenError, StaleTokenError, type TokenHolder } from "./fence.ts";
export { Grant, type GrantOptions, type Guard } from "./grant.ts";
export { newGuid, newTicketGuid, sessionTimeoutIn } from "./guid.ts";
export { insist, isInterruption } from "./insist.ts";
export { type NodeView, viewNode } from "./node-view.ts";
export { isWriteOutcomeUnknownError, type WriteOutcome, WriteOutcomeUnknownError } from "./outcome.ts";
export { memberBefore, placeInQueue, type QueueEntry, queueOrder } from "./queue-order.ts";
export { type ReceiptedWrite, Receipts } from "./receipts.ts";
export { recipePath } from "./recipe-path.ts";
export { sleep } from "./sleep.ts";
export { Standing, type StandingOptions } from "./standing.ts";
export {
  abandonTicket,
  childPath,
  childrenOrNone,
  returnTicket,
  type Ticket,
  type TicketRequest,
  takeTicket,
} from "./ticket.ts";
export { until } from "./until.ts";
export { beginWait, type Wait, type WaitOptions } from "./wait.ts";
export { WakeUp } from "./wake-up.ts";
export { type Held, withGrant } from "./with-grant.ts";
