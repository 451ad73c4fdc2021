/**
 * A function from a Request to a Response on a TCP port: the thinnest way from Node's HTTP server to the Fetch API's
 * types. Bodies stream both ways; what is too slow or too long is cut off by Node's own limits and the handler's.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Address } from "../ports/network.ts";
import { plainAddress } from "./network.ts";
import type { NodeTlsListener, TlsAcceptor } from "./tls-listener.ts";

/** Where to listen. */
export interface HttpServerOptions {
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string | undefined;
  /** Default 0: a free one. */
  readonly port?: number | undefined;
  /** How long a request may take to arrive, its body included, ms. Default 30 000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Connections at once; one more is closed as soon as it is there. Default: no limit. */
  readonly maxConnections?: number | undefined;
  /** TLS, and whether requests in clear are taken as well. Default: in clear alone. */
  readonly tls?: { readonly listener: NodeTlsListener; readonly orPlain: boolean } | undefined;
  /** Called with what went wrong between a request and its response, which nobody else would hear of. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Called for each connection that `maxConnections` has closed. */
  readonly onRefused?: ((remote: string) => void) | undefined;
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
  /** Accepts no more; resolves when the requests under way have been answered. Idempotent. */
  close(): Promise<void>;
}

/** How long the head of a request may take to arrive, ms. */
const headMs = 30_000;

/** Listens, and answers with `handler`; one that rejects is answered with status 500. */
export async function serveHttp(handler: HttpHandler, options: HttpServerOptions = {}): Promise<HttpServer> {
  const { host = "127.0.0.1", port = 0, requestTimeoutMs = headMs, onError = () => undefined, tls } = options;
  const server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: headMs }, (incoming, outgoing) => {
    const isClosing = (): boolean => !server.listening;
    answer(handler, incoming, outgoing, isClosing, onError).catch(onError);
  });
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
  server.on("drop", (dropped) => options.onRefused?.(plainAddress(dropped?.remoteAddress ?? "")));
  const acceptor = tls === undefined ? undefined : behindTls(server, tls);
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections++;
    socket.once("close", () => connections--);
  });
  server.listen({ host, port });
  await once(server, "listening");
  const address: Address = { host, port: (server.address() as AddressInfo).port };
  const authority = `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= closeServer(server, acceptor);
    return closed;
  };
  const scheme = tls === undefined || tls.orPlain ? "http" : "https";
  return {
    address,
    url: `${scheme}://${authority}`,
    get connections() {
      return connections;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The server goes on to accept connections, so that it knows how many there are; requests come when the handshake is over. */
function behindTls(server: Server, { listener, orPlain }: NonNullable<HttpServerOptions["tls"]>): TlsAcceptor {
  const takers = server.listeners("connection");
  server.removeAllListeners("connection");
  const acceptor = listener.acceptor({ orPlain }, (socket) => {
    for (const take of takers) take.call(server, socket);
  });
  server.on("connection", acceptor.accept);
  return acceptor;
}

async function closeServer(server: Server, acceptor: TlsAcceptor | undefined): Promise<void> {
  const closed = once(server, "close");
  server.close();
  acceptor?.close();
  server.closeIdleConnections();
  await closed;
}

async function answer(
  handler: HttpHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  isClosing: () => boolean,
  onError: (error: unknown) => void,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const response = await responseTo(handler, incoming, gone.signal, onError);
  outgoing.statusCode = response.status;
  // One by one: of set-cookie there may be several.
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  // Kept alive, the connection would keep the server from closing.
  if (isClosing()) outgoing.setHeader("connection", "close");
  if (response.body === null || incoming.method === "HEAD") {
    outgoing.end();
    // Nobody reads it; whatever it holds open is to be let go.
    await response.body?.cancel();
  } else await pipeline(Readable.fromWeb(response.body), outgoing);
  // What is left of a body that nobody wanted would stand before the next request of the connection.
  incoming.resume();
}

async function responseTo(
  handler: HttpHandler,
  incoming: IncomingMessage,
  signal: AbortSignal,
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
    return await handler(request, plainAddress(incoming.socket.remoteAddress ?? ""));
  } catch (error) {
    onError(error);
    return new Response(null, { status: 500 });
  }
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
