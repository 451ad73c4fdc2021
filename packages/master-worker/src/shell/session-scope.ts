/**
 * One session of the client, as a signal. A `Client` makes itself a new session when it has lost one; whatever was
 * believed on the strength of the old session ends with this signal, at the moment at which the client declares it lost.
 */
import type { Client, ClientState } from "@corral/client";
import { Observable } from "rxjs";

/** Why a scope's signal aborted. */
export class SessionOverError extends Error {
  override readonly name = "SessionOverError";
  constructor(state: ClientState) {
    super(state === "closed" ? "The client was closed." : "The session was lost.");
  }
}

/** The present session, or the next one if there is none now. */
export class SessionScope {
  readonly #client: Client;
  readonly #controller = new AbortController();
  readonly #onState = ({ state }: { readonly state: ClientState }): void => {
    if (state === "lost" || state === "closed") this.#end(state);
  };

  constructor(client: Client) {
    this.#client = client;
    client.on("state", this.#onState);
    if (client.state === "closed") this.#end("closed");
  }

  /** Aborts when the session is lost or closed; its reason is a `SessionOverError`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops listening. The signal aborts no more. Idempotent. */
  [Symbol.dispose](): void {
    this.#client.off("state", this.#onState);
  }

  #end(state: ClientState): void {
    this[Symbol.dispose]();
    this.#controller.abort(new SessionOverError(state));
  }
}

/** Each change of the client's state, from now on. */
export function stateChanges(client: Client): Observable<ClientState> {
  return new Observable((subscriber) => {
    const onState = ({ state }: { readonly state: ClientState }): void => subscriber.next(state);
    client.on("state", onState);
    return () => client.off("state", onState);
  });
}
