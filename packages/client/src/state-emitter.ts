/**
 * Events of the connection's state. Each listener is called on its own: one that throws neither keeps the others from
 * hearing that the session is lost nor unwinds into the session.
 */
import type { Logger } from "@corral/io";
import { EventEmitter } from "eventemitter3";
import { callSafely } from "./safe-call.ts";
import type { ClientState, LostReason } from "./session-types.ts";

/** A change of the connection's state. */
export interface StateEvent {
  readonly state: ClientState;
  /** The session that this is about: with `lost`, the one that is over. 0 before the first. */
  readonly sessionId: bigint;
  /**
   * On the elapsed clock of the client: until then the server cannot have expired the session. It moves on with every
   * answer; `client.deadlineMs` is the current one.
   */
  readonly deadlineMs: number;
  /**
   * With `lost`: `expired`, the server said so; `deadline`, it can no longer be ruled out; `readOnly`, it was with a
   * server that takes no writes, and one that does has been found, or the connection broke.
   */
  readonly reason?: LostReason;
  /** With `connected`: the server takes no writes; the client looks for one that does. */
  readonly readOnly?: true;
}

/** What `client.on("state", …)` takes. */
export type StateListener = (event: StateEvent) => void;

/** Listeners for the state of one client. */
export class StateEmitter {
  readonly #emitter = new EventEmitter<{ state: StateListener }>();
  readonly #wrapped = new Map<StateListener, StateListener[]>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on(listener: StateListener): void {
    this.#emitter.on("state", this.#wrap(listener));
  }

  once(listener: StateListener): void {
    const wrapped = this.#wrap((event) => {
      this.#unwrap(listener, wrapped);
      listener(event);
    }, listener);
    this.#emitter.once("state", wrapped);
  }

  /** Removes `listener`, however often it was added. */
  off(listener: StateListener): void {
    for (const wrapped of this.#wrapped.get(listener) ?? []) this.#emitter.off("state", wrapped);
    this.#wrapped.delete(listener);
  }

  emit(event: StateEvent): void {
    this.#emitter.emit("state", event);
  }

  #wrap(listener: StateListener, key = listener): StateListener {
    const wrapped: StateListener = (event) => callSafely(listener, event, this.#logger, "a listener for state changes");
    this.#wrapped.set(key, [...(this.#wrapped.get(key) ?? []), wrapped]);
    return wrapped;
  }

  #unwrap(key: StateListener, wrapped: StateListener): void {
    const left = (this.#wrapped.get(key) ?? []).filter((other) => other !== wrapped);
    if (left.length === 0) this.#wrapped.delete(key);
    else this.#wrapped.set(key, left);
  }
}
