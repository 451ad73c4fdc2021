/** Numbers and values that many clients share, and that stay exact whatever becomes of requests and replies. */
export { type Client, connect } from "@corral/client";
export { isWaitTimeoutError, type WaitOptions, WaitTimeoutError } from "@corral/recipe-kit";
export { AtomicCounter, type CounterChange, type CounterComparison, type CounterOptions } from "./atomic-counter.ts";
export { int32Value, jsonValue, utf8Value, type ValueCodec } from "./codecs.ts";
export {
  isOutcomeUnknownError,
  isValueFormatError,
  type Outcome,
  OutcomeUnknownError,
  ValueFormatError,
} from "./errors.ts";
export { type CounterFormat, decodeCounter, encodeCounter } from "./formats.ts";
export { IdAllocator, type IdAllocatorOptions } from "./id-allocator.ts";
export type { IdBlock } from "./id-blocks.ts";
export type { ReadWait, ValueView, Versioned } from "./observe-value.ts";
export { type SetAttempt, SharedValue, type SharedValueOptions, type ValueChange } from "./shared-value.ts";
