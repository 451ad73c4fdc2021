/**
 * The connections of an HTTP server, and what is under way on each. Node's own count takes one that is silent, or has sent half a
 * request, for one at work: whoever waits for it waits for as long as a stranger likes.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What is under way on a connection: answers, and what tells whoever makes one that nobody will get it. */
type Exchanges = Map<ServerResponse, AbortController>;

/** See the head of this file. */
export class HttpConnections {
  readonly #connections = new Map<Socket, Exchanges>();
  #isClosing = false;

  /** Whether what comes now comes too late. */
  get isClosing(): boolean {
    return this.#isClosing;
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

  /** A request has come in, which `outgoing` answers. The signal aborts when nobody is there any more to take it. */
  begin(outgoing: ServerResponse): AbortSignal {
    const { socket } = outgoing.req;
    const exchanges = this.#connections.get(socket);
    const gone = new AbortController();
    exchanges?.set(outgoing, gone);
    outgoing.once("close", () => {
      exchanges?.delete(outgoing);
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
