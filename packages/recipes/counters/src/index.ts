/** Numbers and values that many clients share, and that stay exact whatever becomes of requests and replies. */
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
export { isWaitTimeoutError, type WaitOptions, WaitTimeoutError } from "@corral/recipe-kit";
export { AtomicCounter, type CounterChange, type CounterComparison, type CounterOptions } from "./atomic-counter.ts";
export { int32, int64 } from "./codecs.ts";
export { type ChangeOutcome, isWriteOutcomeUnknownError, WriteOutcomeUnknownError } from "./errors.ts";
export { type CounterFormat, decodeCounter, encodeCounter } from "./formats.ts";
export { IdAllocator, type IdAllocatorOptions } from "./id-allocator.ts";
export type { IdBlock } from "./id-blocks.ts";
export type { ReadWait, ValueView, Versioned } from "./observe-value.ts";
export { type SetAttempt, SharedValue, type SharedValueOptions, type ValueChange } from "./shared-value.ts";
