/** A session as the client may believe in it: until a deadline that every answer moves. */
import type { ConnectResponse } from "@corral/protocol";
import { driftFraction } from "./limits.ts";

/** What a client shows that has no session. */
export const noPassword = new Uint8Array(16);

/**
 * An established session. The server cannot have expired it before `deadlineMs`: it heard a request that was sent at
 * time t no earlier than t, and forgets the session no sooner than the timeout after that.
 */
export class BelievedSession {
  readonly id: bigint;
  readonly password: Uint8Array;
  /** As negotiated. */
  readonly timeoutMs: number;
  #deadlineMs: number;

  /** `sentMs`: when the handshake was sent that `response` answers. */
  constructor(response: ConnectResponse, sentMs: number) {
    this.id = response.sessionId;
    // A copy: what came is a view of a frame of which nothing else is to be kept.
    this.password = Uint8Array.from(response.passwd ?? noPassword);
    this.timeoutMs = response.timeOut;
    this.#deadlineMs = this.#after(sentMs);
  }

  /** On the elapsed clock. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** A request sent at `sentMs` has been answered. */
  answered(sentMs: number): void {
    this.#deadlineMs = Math.max(this.#deadlineMs, this.#after(sentMs));
  }

  #after(sentMs: number): number {
    return Math.floor(sentMs + this.timeoutMs * (1 - driftFraction));
  }
}
