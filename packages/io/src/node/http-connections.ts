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

/** See the head of this file. */
export class HttpConnections {
  readonly #connections = new Map<Socket, Exchanges>();
  readonly #max: number;
  /** As the system accepted them: those in a handshake of TLS among them, and not those that made room. */
  readonly #accepted = new Set<Socket>();
  /** Those of them that have asked for nothing since they came or were last answered; who has not for longest is first. */
  readonly #silent = new Set<Socket>();
  #isClosing = false;

  /** `max`: so many at once. */
  constructor(max: number) {
    this.#max = max;
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
   * The system has accepted a connection. Where there are too many, it gives the one to be closed: the one that has asked for
   * nothing for longest, as whoever means it asks at once; where all are asked something, the new one itself.
   */
  accept(socket: Socket): Socket | undefined {
    let surplus: Socket | undefined;
    if (this.#accepted.size >= this.#max) {
      [surplus = socket] = this.#silent;
      if (surplus === socket) return surplus;
      this.#forget(surplus);
    }
    this.#accepted.add(socket);
    this.#silent.add(socket);
    socket.once("close", () => this.#forget(socket));
    return surplus;
  }

  #forget(socket: Socket): void {
    this.#accepted.delete(socket);
    this.#silent.delete(socket);
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
      if (exchanges?.size === 0 && this.#accepted.has(carrierOf(socket))) this.#silent.add(carrierOf(socket));
      if (!outgoing.writableFinished) gone.abort();
      else if (this.#isClosing && exchanges?.size === 0) socket.destroySoon();
    });
    return gone.signal;
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
