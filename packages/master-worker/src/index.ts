/**
 * Master-worker on a ZooKeeper-speaking server: tasks that survive the death of any process, and end in exactly one
 * recorded result each. The README has the layout of the znodes and what is, and is not, guaranteed.
 */
export { type Client, connect, isCoordinationError } from "@corral/client";
export { assign, type Placement, type WorkerLoad } from "./core/assign.ts";
export { assignmentName, Layout, newTaskName, parseAssignmentName } from "./core/layout.ts";
export { attemptsMaxDefault, payloadBytesMax } from "./core/limits.ts";
export {
  type Decoded,
  decodeMaster,
  decodeStatus,
  decodeTask,
  decodeValue,
  decodeWorker,
  encodeMaster,
  encodeStatus,
  encodeTask,
  encodeValue,
  encodeWorker,
  type MasterRecord,
  type StatusKind,
  type StatusRecord,
  type TaskFailure,
  type TaskRecord,
  type WorkerRecord,
} from "./core/payloads.ts";
export {
  isPayloadTooLargeError,
  isResultTakenError,
  isResultTimeoutError,
  isTaskFailedError,
  isTaskStoppedError,
  isUnreadableNodeError,
  isWorkerIdTakenError,
  PayloadTooLargeError,
  ResultTakenError,
  ResultTimeoutError,
  TaskFailedError,
  TaskStoppedError,
  UnreadableNodeError,
  WorkerIdTakenError,
} from "./shell/errors.ts";
export type { EventSource, MasterEvents, ReportRefusal, WorkerEvents } from "./shell/events.ts";
export type { TaskContext, TaskFunction } from "./shell/execution.ts";
export type { Quarantined } from "./shell/group-mirror.ts";
export { guardedTransaction, isStaleEpoch } from "./shell/guarded.ts";
export type { TaskLocation } from "./shell/locate.ts";
export { Master, type MasterOptions, type MasterState } from "./shell/master.ts";
export { type SubmitOptions, TaskClient, type TaskClientOptions } from "./shell/task-client.ts";
export { type SerializedTaskHandle, TaskHandle, type TaskOutcome, type WaitOptions } from "./shell/task-handle.ts";
export { Worker, type WorkerOptions, type WorkerState } from "./shell/worker.ts";
