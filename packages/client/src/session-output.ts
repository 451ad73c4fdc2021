/** What the session machine and its parts put out: effects in order, packets on the one connection that counts. */
import { assert } from "@corral/protocol";
import { Heartbeat } from "./heartbeat.ts";
import { Outstanding } from "./outstanding.ts";
import type { Packet, ReceivedFrame, SessionAuth, SessionEffect, SessionRequest } from "./session-types.ts";

/**
 * A request under way: a caller's, a message of authentication, a batch of watches being re-armed, one being taken back,
 * or the last one.
 */
export type UnderWay<R> = R | "sasl" | "rearm" | "unwatch" | "close";

type Reply = Extract<ReceivedFrame, { type: "reply" }>;

/** The effects of one step, and what was sent on the connection and awaits its answer. */
export class SessionOutput<R extends SessionRequest> {
  readonly outstanding = new Outstanding<UnderWay<R>>();
  readonly heartbeat = new Heartbeat();
  #effects: SessionEffect<R>[] = [];
  #connection: number | undefined;
  #now = 0;

  /** A step begins. */
  begin(nowMs: number): void {
    this.#now = nowMs;
    this.#effects = [];
  }

  /** It ends: what it came to. */
  end(): SessionEffect<R>[] {
    return this.#effects;
  }

  /** A connection is there to send on. */
  opened(connection: number): void {
    this.#connection = connection;
    this.heartbeat.start(this.#now);
  }

  /** It is gone. Returns the requests that were under way. */
  closed(): UnderWay<R>[] {
    this.#connection = undefined;
    return this.outstanding.drain();
  }

  /** Whether there is a connection to send on. */
  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  effect(effect: SessionEffect<R>): void {
    this.#effects.push(effect);
  }

  log(level: "warn" | "error", message: string, fields: Readonly<Record<string, unknown>>): void {
    this.effect({ type: "log", level, message, fields });
  }

  send(packet: Packet<R>): void {
    assert(this.#connection !== undefined, "there is a connection to send on");
    this.heartbeat.sent(this.#now);
    this.effect({ type: "send", connection: this.#connection, packet });
  }

  /** Sends a request; `what` is handed back with its answer. */
  request(what: UnderWay<R>, packet: (xid: number) => Packet<R>): void {
    this.send(packet(this.outstanding.request(what, this.#now)));
  }

  /** Hands a reply on to whoever made the request. */
  answer(request: R, { header, body, tooLong }: Reply): void {
    if (tooLong === undefined) this.effect({ type: "answer", request, err: header.err, body });
    else this.effect({ type: "fail", request, failure: { kind: "answerTooLong", bytes: tooLong } });
  }

  auth(auth: SessionAuth): void {
    this.outstanding.auth(auth, this.#now);
    this.send({ type: "auth", auth });
  }

  ping(): void {
    this.outstanding.ping(this.#now);
    this.send({ type: "ping" });
  }
}
