/**
 * The connections of an HTTP server, and what is under way on each. Node's own count takes one that is silent, or has sent half a
 * request, for one at work: whoever waits for it waits for as long as a stranger likes.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { carrierOf } from "./tls-listener.ts";

/** What is under way on a connection: answers, and what tells whoever makes one that nobody will get it. */
type Exchanges = Map<ServerResponse, AbortController>;

/** Requests of one connection that may be under way; whoever sends more before he has an answer means no good. */
const mostUnanswered = 8;

/** Why a connection was closed where there are too many: it had asked for nothing, it took nothing of its answer, or it was the new one. */
export type Surplus = "silent" | "stalled" | "new";

/** Answers of one connection of which a piece is on its way, and since when the system has taken none of them, ms. */
interface Giving {
  readonly answers: Set<ServerResponse>;
  readonly sinceMs: number;
}

/** See the head of this file. */
export class HttpConnections {
  readonly #connections = new Map<Socket, Exchanges>();
  readonly #max: number;
  readonly #stalledMs: number;
  /** As the system accepted them: those in a handshake of TLS among them, and not those that made room. */
  readonly #accepted = new Set<Socket>();
  /** Those of them that have asked for nothing, and since when: that they came, or were last answered, ms; who has not for longest is first. */
  readonly #silent = new Map<Socket, number>();
  /** Of which the system has taken nothing for longest is first. */
  readonly #giving = new Map<Socket, Giving>();
  /** Answers that wait for others of their connection, and whether a piece of them is out. */
  readonly #behind = new WeakMap<ServerResponse, boolean>();
  #isClosing = false;

  /** `max`: so many at once; `stalledMs`: see `accept`. */
  constructor(max: number, stalledMs: number) {
    this.#max = max;
    this.#stalledMs = stalledMs;
  }

  /** How many are open. */
  get count(): number {
    return this.#accepted.size;
  }

  /** Whether what comes now comes too late. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /**
   * The system has accepted a connection. Where there are too many, it gives the one to be closed: whichever has stood still for longest
   * of those that have asked for nothing, as whoever means it asks at once, and those of whose answers the system has taken nothing for
   * `stalledMs` or more; where all get answers, or wait for them, the new one itself.
   */
  accept(socket: Socket): { readonly socket: Socket; readonly why: Surplus } | undefined {
    const surplus = this.#accepted.size < this.#max ? undefined : this.#surplus(socket);
    if (surplus?.why === "new") return surplus;
    if (surplus !== undefined) this.#forget(surplus.socket);
    this.#accepted.add(socket);
    this.#silent.set(socket, performance.now());
    socket.once("close", () => this.#forget(socket));
    return surplus;
  }

  #surplus(newcomer: Socket): { readonly socket: Socket; readonly why: Surplus } {
    const now = performance.now();
    const [[silent, silentSinceMs] = [newcomer, Number.POSITIVE_INFINITY]] = this.#silent;
    const [[stalled, { sinceMs }] = [newcomer, { sinceMs: Number.POSITIVE_INFINITY }]] = this.#giving;
    if (now - sinceMs >= this.#stalledMs && sinceMs <= silentSinceMs) return { socket: stalled, why: "stalled" };
    return { socket: silent, why: silent === newcomer ? "new" : "silent" };
  }

  #forget(socket: Socket): void {
    this.#accepted.delete(socket);
    this.#silent.delete(socket);
    this.#giving.delete(socket);
  }

  /** Takes a connection whose requests can be read. */
  add(socket: Socket): void {
    const exchanges: Exchanges = new Map();
    this.#connections.set(socket, exchanges);
    socket.once("close", () => {
      this.#connections.delete(socket);
      // Those behind the first have no connection yet as Node sees it, and would not hear of it.
      for (const gone of exchanges.values()) gone.abort();
    });
  }

  /** Whether one more request of the connection may be taken. */
  mayAsk(socket: Socket): boolean {
    return (this.#connections.get(socket)?.size ?? 0) < mostUnanswered;
  }

  /** A request has come in, which `outgoing` answers. The signal aborts when nobody is there any more to take it. */
  begin(outgoing: ServerResponse): AbortSignal {
    const { socket } = outgoing.req;
    const exchanges = this.#connections.get(socket);
    const gone = new AbortController();
    exchanges?.set(outgoing, gone);
    this.#silent.delete(carrierOf(socket));
    outgoing.once("close", () => {
      exchanges?.delete(outgoing);
      this.took(outgoing);
      if (exchanges?.size === 0 && this.#accepted.has(carrierOf(socket)))
        this.#silent.set(carrierOf(socket), performance.now());
      if (!outgoing.writableFinished) gone.abort();
      else if (this.#isClosing && exchanges?.size === 0) socket.destroySoon();
    });
    return gone.signal;
  }

  /** A piece of the answer is on its way, or will be when those in front of it are through. */
  gives(outgoing: ServerResponse): void {
    if (outgoing.socket === null) {
      if (!this.#behind.has(outgoing))
        outgoing.once("socket", () => this.#behind.get(outgoing) && this.gives(outgoing));
      this.#behind.set(outgoing, true);
      return;
    }
    const carrier = carrierOf(outgoing.req.socket);
    const giving = this.#giving.get(carrier);
    if (giving !== undefined) giving.answers.add(outgoing);
    else if (this.#accepted.has(carrier))
      this.#giving.set(carrier, { answers: new Set([outgoing]), sinceMs: performance.now() });
  }

  /** It was taken, or is not wanted any more. */
  took(outgoing: ServerResponse): void {
    if (this.#behind.has(outgoing)) this.#behind.set(outgoing, false);
    const carrier = carrierOf(outgoing.req.socket);
    const { answers } = this.#giving.get(carrier) ?? {};
    if (answers?.delete(outgoing) !== true) return;
    this.#giving.delete(carrier);
    if (answers.size > 0) this.#giving.set(carrier, { answers, sinceMs: performance.now() });
  }

  /** Ends those that owe nobody an answer, for they were asked nothing, or not to the end; others when they have answered. */
  close(): void {
    this.#isClosing = true;
    for (const [socket, exchanges] of this.#connections) {
      const isAsked = [...exchanges.keys()].some(({ req }) => req.complete);
      if (!isAsked) socket.destroy();
    }
  }

  /** Ends those that are left. */
  cutOff(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }
}
