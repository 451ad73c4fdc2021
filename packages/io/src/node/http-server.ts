/**
 * A function from a Request to a Response on a TCP port: the thinnest way from Node's HTTP server to the Fetch API's
 * types. Bodies stream both ways; what is too slow or too long is cut off by Node's own limits and the handler's.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { type Address, everyHost, formatAddress } from "../ports/network.ts";
import { HttpConnections, type Surplus } from "./http-connections.ts";
import { bind, plainAddress } from "./network.ts";
import type { NodeTlsListener, TlsAcceptor } from "./tls-listener.ts";

/** Where to listen. */
export interface HttpServerOptions {
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string | undefined;
  /** Default 0: a free one. */
  readonly port?: number | undefined;
  /** How long a request may take to arrive, its body included, ms. Default 30 000. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Connections at once. For one more the one is closed that has stood still for longest: that has asked for nothing, or of whose answer the
   * system has taken nothing for `stalledMs` or more; if none has, the new one, as soon as it is there. Default: no limit.
   */
  readonly maxConnections?: number | undefined;
  /**
   * Default 120 000. The system takes of an answer what it has room for, on Linux up to 4 MiB, and no more until a third of that was read: who
   * reads at less than 1.3 MiB in that time seems to stand still.
   */
  readonly stalledMs?: number | undefined;
  /** TLS, and whether requests in clear are taken as well. Default: in clear alone. */
  readonly tls?: { readonly listener: NodeTlsListener; readonly orPlain: boolean } | undefined;
  /** How long answers under way may take when it closes, ms. Default 2 000. */
  readonly lastAnswersMs?: number | undefined;
  /** Called when somebody went away, or was cut off, before he had all of an answer, or had sent all of his request. */
  readonly onAborted?: ((remote: string) => void) | undefined;
  /** Called with what went wrong between a request and its response, or in accepting a connection: nobody else would hear of it. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Called for each connection that `maxConnections` has closed. */
  readonly onRefused?: ((remote: string, why: Surplus) => void) | undefined;
}

/** Answers a request; `remote` is the address that it comes from. */
export type HttpHandler = (request: Request, remote: string) => Promise<Response>;

/** A server that listens. */
export interface HttpServer extends AsyncDisposable {
  readonly address: Address;
  /** `http://`, or `https://` where that alone is spoken, and the address. */
  readonly url: string;
  /** Connections that are open. */
  readonly connections: number;
  /**
   * Accepts no more, and closes what has no whole request under way. Resolves when the handler has answered those that have; what
   * they get may still be on its way. No later than `close`. Idempotent.
   */
  stop(): Promise<void>;
  /** Stops; resolves when the answers have been taken, or cut off because `lastAnswersMs` are over. Idempotent. */
  close(): Promise<void>;
}

/** How long the head of a request may take to arrive, ms. */
const headMs = 30_000;

/** Listens, and answers with `handler`; one that rejects is answered with status 500. */
export async function serveHttp(handler: HttpHandler, options: HttpServerOptions = {}): Promise<HttpServer> {
  const { host = "127.0.0.1", port = 0, requestTimeoutMs = headMs, lastAnswersMs = 2_000, tls } = options;
  const { maxConnections = Number.POSITIVE_INFINITY, stalledMs = 120_000 } = options;
  const connected = new HttpConnections(maxConnections, stalledMs);
  const asked = new Set<Promise<Response>>();
  const server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: headMs }, (incoming, outgoing) => {
    const remote = plainAddress(incoming.socket.remoteAddress ?? "");
    if (!connected.mayAsk(incoming.socket)) {
      // Node goes on with what has come of it already.
      incoming.socket.destroy();
      return;
    }
    const signal = connected.begin(outgoing);
    const report = (error: unknown): void => {
      if (signal.aborted && isOfConnection(error)) options.onAborted?.(remote);
      else options.onError?.(error);
    };
    const ask: Ask = async (request) => {
      if (connected.isClosing) return new Response(null, { status: 503 });
      const answered = handler(request, remote).finally(() => asked.delete(answered));
      asked.add(answered);
      return answered;
    };
    answer({ incoming, outgoing, signal, connected }, ask, report).catch(report);
  });
  server.prependListener("connection", (socket: Socket) => connected.add(socket));
  const takers = server.listeners("connection");
  server.removeAllListeners("connection");
  const take = (socket: Socket): void => {
    for (const taker of takers) taker.call(server, socket);
  };
  // The server goes on to accept connections, so that it knows how many there are; requests come when the handshake is over.
  const acceptor = tls?.listener.acceptor(tls, take);
  server.on("connection", (socket: Socket) => {
    const surplus = connected.accept(socket);
    if (surplus !== undefined) {
      options.onRefused?.(plainAddress(surplus.socket.remoteAddress ?? ""), surplus.why);
      surplus.socket.destroy();
    }
    if (surplus?.socket === socket) return;
    if (acceptor === undefined) take(socket);
    else acceptor.accept(socket);
  });
  await warmUp();
  await bind(server, { host, port });
  // A connection could not be accepted, mostly for want of files; the port lives on.
  server.on("error", (error) => options.onError?.(error));
  const address: Address = { host, port: (server.address() as AddressInfo).port };
  const authority = formatAddress(host === everyHost ? { ...address, host: "127.0.0.1" } : address);
  let ending: Ending | undefined;
  const end = (): Ending => {
    ending ??= endServer(server, acceptor, connected, asked, lastAnswersMs);
    return ending;
  };
  const stop = (): Promise<void> => end().answered;
  const close = (): Promise<void> => end().closed;
  const scheme = tls === undefined || tls.orPlain ? "http" : "https";
  return {
    address,
    url: `${scheme}://${authority}`,
    get connections() {
      return connected.count;
    },
    stop,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Does what the first request of a process would do else, before there is one: Node loads the Fetch API when it is first used, 30 ms and more
 * of the event loop; and a body passes through a stream of bytes, which detaches buffers. V8 compiles whatever reads typed arrays for a
 * process in which that never happens, and throws it away when it first does: everybody who is served then waits for up to a tenth of a second
 * while it is compiled again. Code that is compiled afterwards is as quick.
 */
async function warmUp(): Promise<void> {
  await new Response(" ").arrayBuffer();
}

interface Ending {
  readonly answered: Promise<void>;
  readonly closed: Promise<void>;
}

/** Nobody is waited for longer than `lastAnswersMs`: who connects is a stranger, and may stand still for ever. */
function endServer(
  server: Server,
  acceptor: TlsAcceptor | undefined,
  connected: HttpConnections,
  asked: ReadonlySet<Promise<Response>>,
  lastAnswersMs: number,
): Ending {
  const left = once(server, "close");
  server.close();
  acceptor?.close();
  connected.close();
  let timer: NodeJS.Timeout | undefined;
  const timeOver = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      connected.cutOff();
      resolve();
    }, lastAnswersMs);
  });
  // The handler goes on for a moment when those who had asked it are gone.
  const answered = Promise.race([Promise.allSettled(asked), timeOver]).then(() => undefined);
  const closed = Promise.all([left, answered]).then(() => clearTimeout(timer));
  return { answered, closed };
}

/** A request that has come in, and where its answer goes; the signal aborts when nobody is there any more to take it. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly signal: AbortSignal;
  readonly connected: HttpConnections;
}

type Ask = (request: Request) => Promise<Response>;

/** Rejects with what kept the answer from being taken. */
async function answer(
  { incoming, outgoing, signal, connected }: Exchange,
  ask: Ask,
  onError: (error: unknown) => void,
): Promise<void> {
  const response = await responseTo(incoming, signal, ask, onError);
  outgoing.statusCode = response.status;
  // One by one: of set-cookie there may be several.
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  // Of a body that came with its head, the end is seen a turn later.
  if (!incoming.complete) await setImmediate();
  // Kept alive, the connection would keep the server from closing; and what is left of a body that nobody wanted, of any length,
  // would stand before its next request.
  if (connected.isClosing || !incoming.complete) outgoing.setHeader("connection", "close");
  if (response.body === null || incoming.method === "HEAD") {
    connected.gives(outgoing);
    outgoing.end();
    // Nobody reads it; whatever it holds open is to be let go.
    await response.body?.cancel();
  } else {
    // The body is one of the pipeline's streams, so that it is let go when nobody is there any more.
    await pipeline(Readable.fromWeb(response.body), (body) => inPieces(body, outgoing, connected), outgoing, {
      signal,
    });
  }
}

/** Of so many bytes the connection must take one after the other to be taken for one that reads. */
const pieceBytes = 64 << 10;

/** The body for `outgoing`; `connected` learns when a piece of it is on its way, and when it was taken, for then the next is asked for. */
async function* inPieces(
  body: AsyncIterable<Uint8Array>,
  outgoing: ServerResponse,
  connected: HttpConnections,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      connected.gives(outgoing);
      yield chunk.subarray(at, at + pieceBytes);
      connected.took(outgoing);
    }
  }
  // What is left of it; that it was taken is seen when the answer is closed.
  connected.gives(outgoing);
}

async function responseTo(
  incoming: IncomingMessage,
  signal: AbortSignal,
  ask: Ask,
  onError: (error: unknown) => void,
): Promise<Response> {
  let request: Request;
  try {
    request = toRequest(incoming, signal);
  } catch {
    // A method or a target that the Fetch API does not have.
    return new Response(null, { status: 400 });
  }
  try {
    return await ask(request);
  } catch (error) {
    onError(error);
    return new Response(null, { status: 500 });
  }
}

/** How Node tells that a connection is over, of what was read from it or written to it. */
const connectionCodes: readonly unknown[] = ["ERR_STREAM_PREMATURE_CLOSE", "ABORT_ERR", "ECONNRESET", "EPIPE"];

function isOfConnection(error: unknown): boolean {
  return error instanceof Error && connectionCodes.includes((error as NodeJS.ErrnoException).code);
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers } = incoming;
  // The host that the client names is no concern of ours, and may be anything.
  const target = new URL(url.startsWith("/") ? `http://localhost${url}` : url);
  const all = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? ""]) all.append(name, one);
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(target, {
    method,
    headers: all,
    signal,
    ...(hasBody && { body: Readable.toWeb(incoming), duplex: "half" }),
  });
}
