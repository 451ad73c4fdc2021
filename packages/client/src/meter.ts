/** What a client has done and what it has to do, as numbers. */
import type { ClientOperation } from "@corral/protocol";

/** Of one kind of request. Times from the call to its outcome, waiting for a connection included. */
export interface OperationMetrics {
  /** Answered, with success or an error. */
  readonly answered: number;
  /** Of these, with an error. */
  readonly errors: number;
  /** Without an answer: the connection broke, the session was lost, too many were waiting. */
  readonly failed: number;
  /** Given up by the caller. */
  readonly aborted: number;
  readonly msTotal: number;
  readonly msMax: number;
}

/** Counts since `connect()`, and what is so at the moment. */
export interface ClientMetrics {
  readonly state: string;
  /** Until the session can no longer be relied on, ms; negative if that is past. */
  readonly deadlineInMs: number;
  readonly lastZxid: number;
  /** By operation of the wire. */
  readonly operations: Readonly<Partial<Record<ClientOperation, OperationMetrics>>>;
  /** Requests that wait for a connection or an answer, and their bytes. */
  readonly waiting: { readonly requests: number; readonly bytes: number };
  readonly watches: { readonly watchers: number; readonly events: number };
  readonly connections: { readonly attempted: number; readonly failed: number; readonly established: number };
  readonly sessionsLost: number;
  readonly bytes: { readonly sent: number; readonly received: number };
  /** The longest that the program stood still while a timer of the client was due, ms. It comes off the deadline. */
  readonly lateMsMax: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Counts; each part of the client counts what it does. */
export class Meter {
  readonly operations: Partial<Record<ClientOperation, Mutable<OperationMetrics>>> = {};
  attempted = 0;
  failed = 0;
  established = 0;
  sessionsLost = 0;
  events = 0;
  bytesSent = 0;
  bytesReceived = 0;
  lateMsMax = 0;

  /** A request has come to an end. */
  ended(operation: ClientOperation, outcome: "answered" | "error" | "failed" | "aborted", ms: number): void {
    let of = this.operations[operation];
    if (of === undefined) {
      of = { answered: 0, errors: 0, failed: 0, aborted: 0, msTotal: 0, msMax: 0 };
      this.operations[operation] = of;
    }
    if (outcome === "failed" || outcome === "aborted") of[outcome]++;
    else of.answered++;
    if (outcome === "error") of.errors++;
    of.msTotal += ms;
    of.msMax = Math.max(of.msMax, ms);
  }

  /** A timer ran so much later than it was due. */
  late(ms: number): void {
    this.lateMsMax = Math.max(this.lateMsMax, ms);
  }
}
