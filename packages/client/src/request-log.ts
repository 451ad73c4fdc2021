/** Counts and traces requests, from the call to whatever became of it. */
import type { Clock } from "@corral/io";
import { type ClientOperation, ErrorCode, errorName } from "@corral/protocol";
import type { Meter } from "./meter.ts";
import type { Outcome } from "./session.ts";
import type { RequestTrace, Tracing } from "./tracing.ts";

/** The requests of one session. */
export class RequestLog {
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #tracing: Tracing;

  constructor(clock: Clock, meter: Meter, tracing: Tracing) {
    this.#clock = clock;
    this.#meter = meter;
    this.#tracing = tracing;
  }

  /** A request begins. What it returns is to be called with what became of it. */
  begin(operation: ClientOperation, path: string, sessionId: bigint): (outcome: Outcome) => void {
    const { requestStart, requestEnd } = this.#tracing;
    const startedMs = this.#clock.elapsedMs();
    const isTraced = requestStart.hasSubscribers || requestEnd.hasSubscribers;
    const trace: RequestTrace | undefined = isTraced ? { operation, path, sessionId } : undefined;
    if (trace !== undefined) requestStart.publish(trace);
    return (outcome) => {
      const durationMs = this.#clock.elapsedMs() - startedMs;
      this.#meter.ended(operation, kindOf(outcome), durationMs);
      if (trace === undefined) return;
      trace.durationMs = durationMs;
      trace.outcome = describe(outcome);
      requestEnd.publish(trace);
    };
  }
}

function kindOf(outcome: Outcome): "answered" | "error" | "failed" | "aborted" {
  if (outcome.type === "answer") return outcome.err === ErrorCode.Ok ? "answered" : "error";
  return outcome.type === "failure" ? "failed" : "aborted";
}

function describe(outcome: Outcome): string {
  if (outcome.type === "failure") return outcome.failure.kind;
  if (outcome.type === "aborted") return "aborted";
  return outcome.err === ErrorCode.Ok ? "ok" : (errorName(outcome.err) ?? String(outcome.err));
}
