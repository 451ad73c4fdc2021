/** A session as the client may believe in it: until a deadline that answers move. */
import type { ConnectResponse } from "@corral/protocol";
import { driftFraction, reportFraction } from "./limits.ts";

/** What a client shows that has no session. */
export const noPassword = new Uint8Array(16);

/**
 * An established session. The server cannot have expired it before `deadlineMs`: whoever decides on that heard of a
 * request that was sent at time t no earlier than t, and forgets the session no sooner than the timeout after that.
 *
 * What an answer proves depends on the servers. Ours answers only as long as the leader hears of it in time: every answer
 * counts. A follower of Apache's answers by itself and reports to its leader every half tick: an answer proves that the
 * reports before it went out, so what counts is a request that is older than a report's interval and a round trip. (A tick
 * is at most half of the shortest timeout that a server grants, unless it was configured otherwise.) That holds for a
 * follower that dies; behind one that is cut off from its leader and does not know, only `guard()` and tokens protect.
 */
export class BelievedSession {
  readonly id: bigint;
  readonly password: Uint8Array;
  /** As negotiated. */
  readonly timeoutMs: number;
  /** The server takes no writes, and the session lasts as long as the connection to it. */
  readonly readOnly: boolean;
  #answersProve: boolean;
  /** When the newest request was sent of which the decider surely knows. */
  #provenMs: number;
  /** When requests were sent that are answered and prove nothing yet, oldest first; not all of them. */
  #unproven: number[] = [];

  /** `sentMs`: when the handshake was sent that `response` answers. It goes through the leader everywhere. */
  constructor(response: ConnectResponse, sentMs: number, answersProve: boolean) {
    this.id = response.sessionId;
    // A copy: what came is a view of a frame of which nothing else is to be kept.
    this.password = Uint8Array.from(response.passwd ?? noPassword);
    this.timeoutMs = response.timeOut;
    this.readOnly = response.readOnly === true;
    this.#answersProve = answersProve;
    this.#provenMs = sentMs;
  }

  /** On the elapsed clock. */
  get deadlineMs(): number {
    return Math.floor(this.#provenMs + this.timeoutMs * (1 - driftFraction));
  }

  /** Whether every answer counts. */
  get answersProve(): boolean {
    return this.#answersProve;
  }

  /** It has turned out whose servers these are: every answer counts, also those there have been. */
  trustAnswers(): void {
    this.#answersProve = true;
    this.#provenMs = this.#unproven.at(-1) ?? this.#provenMs;
    this.#unproven = [];
  }

  /** A request sent at `sentMs` has been answered. */
  answered(sentMs: number, nowMs: number): void {
    if (this.#answersProve) {
      this.#provenMs = Math.max(this.#provenMs, sentMs);
      return;
    }
    const marginMs = this.timeoutMs * reportFraction + Math.max(0, nowMs - sentMs);
    const provenUntilMs = sentMs - marginMs;
    for (let oldest = this.#unproven[0]; oldest !== undefined && oldest <= provenUntilMs; oldest = this.#unproven[0]) {
      this.#provenMs = Math.max(this.#provenMs, oldest);
      this.#unproven.shift();
    }
    // A busy client sends thousands of requests in that time: a few of them are proof enough.
    const newestMs = this.#unproven.at(-1) ?? this.#provenMs;
    if (sentMs >= newestMs + (this.timeoutMs * reportFraction) / 8) this.#unproven.push(sentMs);
  }
}
