/** Who the client is, towards each server it connects to: by SASL before anything else, then by credentials. */
import { ErrorCode, operations, type Reader } from "@corral/protocol";
import { Credentials } from "./credentials.ts";
import type { BeginSasl, SaslExchange } from "./sasl/exchange.ts";
import type { SessionOutput } from "./session-output.ts";
import type { SessionAuth, SessionRequest } from "./session-types.ts";

/** The identities of one session's connections. */
export class Authentication<R extends SessionRequest> {
  readonly #out: SessionOutput<R>;
  readonly #begin: BeginSasl | undefined;
  readonly #credentials = new Credentials();
  #exchange: SaslExchange | undefined;

  constructor(out: SessionOutput<R>, begin: BeginSasl | undefined) {
    this.#out = out;
    this.#begin = begin;
  }

  /** Whether nothing else may be asked of a server before an exchange is over. */
  get needsSasl(): boolean {
    return this.#begin !== undefined;
  }

  /** Begins the exchange on a new connection. */
  startSasl(): void {
    this.#exchange = this.#begin?.();
    if (this.#exchange !== undefined) this.#sendSasl(this.#exchange.first);
  }

  /** The server's message. `"done"`: it knows who we are. An error: it does not, and will not. */
  onSaslReply(err: number, body: Reader): "done" | "going on" | Error {
    if (err !== ErrorCode.Ok || this.#exchange === undefined) {
      return new Error("SASL: the server refused the name or the password");
    }
    try {
      const next = this.#exchange.next(operations.sasl.response.read(body).token);
      if (next === "done") return "done";
      this.#sendSasl(next);
      return "going on";
    } catch (error) {
      return new Error(`SASL: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  #sendSasl(token: Uint8Array): void {
    this.#out.request("sasl", (xid) => ({ type: "sasl", xid, token }));
  }

  /** Presents credentials, on every connection from now on. */
  add(auth: SessionAuth, now: boolean): void {
    this.#credentials.add(auth);
    if (now) this.#out.auth(auth);
  }

  remove(auth: SessionAuth): void {
    this.#credentials.remove(auth);
  }

  /** Presents all of them to a new server. */
  presentAll(): void {
    for (const auth of this.#credentials) this.#out.auth(auth);
  }

  /** The server's verdict on credentials. Returns whether the connection can go on. */
  onAuthReply(auth: SessionAuth, err: number): boolean {
    this.#out.effect({ type: "authAnswered", auth, err });
    if (err === ErrorCode.Ok) {
      this.#credentials.accepted(auth);
      return true;
    }
    // Presented again, they would only get every further connection closed. This one the server closes now: what is
    // sent from here on would be lost, so it waits for the next.
    this.#credentials.remove(auth);
    return false;
  }
}
