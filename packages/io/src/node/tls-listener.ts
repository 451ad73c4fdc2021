/**
 * TLS behind the `Listener` port. The first byte of a connection tells whether it speaks TLS (0x16): those that do not are
 * turned away, or let in as they are where both are allowed. A stream is handed on once its handshake is over.
 */
import { createServer as createTcpServer, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { Address, Listener } from "../ports/network.ts";
import { acceptedSocketOptions, NodeByteStream } from "./byte-stream.ts";
import { subjectOf } from "./distinguished-name.ts";
import { listenOn, plainAddress } from "./network.ts";
import {
  type CertificateFacts,
  certificateFacts,
  credentialsProblem,
  secureOptions,
  type TlsCredentials,
} from "./tls-credentials.ts";
import { reasonOf } from "./tls-errors.ts";

/** What a listener does with those who connect. */
export interface TlsListenerOptions {
  /** `none`: clients are not asked for a certificate; `want`: who shows one must show a good one; `need`: all must. */
  readonly clientAuth: "none" | "want" | "need";
  /** How long a connection may take until its handshake is over, ms. */
  readonly handshakeMs: number;
  /**
   * How many handshakes may be under way; the next is refused. As many others may be silent; the next makes the one that has
   * been so for longest go, for whoever means it speaks at once.
   */
  readonly maxHandshakes: number;
  /** Told of each connection that did not get through, and why. */
  readonly onRefused: (remote: Address, reason: string) => void;
}

const firstByteOfTls = 0x16;

/** Takes sockets that somebody accepts, and hands on those that got through. */
export interface TlsAcceptor {
  readonly accept: (socket: Socket) => void;
  /** Gives up those that are on their way. To be called when no more will come. */
  readonly close: () => void;
}

/** One that TLS has begun. */
interface Handshake {
  readonly remote: Address;
  /** What is to be done when it is over. */
  readonly over: () => void;
}

/** Accepts TLS connections with credentials that can be replaced while it listens. */
export class NodeTlsListener {
  readonly #options: TlsListenerOptions;
  readonly #contexts = new Set<(context: TlsCredentials) => void>();
  #credentials: TlsCredentials;
  #certificate: CertificateFacts;
  /** Those that have not said what they speak, the oldest first, and what ends the wait for them. */
  readonly #silent = new Map<Socket, () => void>();
  readonly #handshakes = new Set<Socket>();
  /** By the socket below. Several may come from one address: to several ports, or one soon after the other. */
  readonly #underWay = new WeakMap<Socket, Handshake>();

  /** @throws Error when the credentials cannot be used */
  constructor(credentials: TlsCredentials, options: TlsListenerOptions) {
    this.#options = options;
    this.#certificate = check(credentials);
    this.#credentials = credentials;
  }

  /** What it shows. */
  get certificate(): CertificateFacts {
    return this.#certificate;
  }

  /** Connections whose handshake is under way. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** New connections are met with these from now on. @throws Error when they cannot be used: all stays as it was */
  replace(credentials: TlsCredentials): void {
    this.#certificate = check(credentials);
    this.#credentials = credentials;
    for (const update of this.#contexts) update(credentials);
  }

  /** Listens for TLS alone, or (`orPlain`) for both on one port. */
  listener({ orPlain }: { readonly orPlain: boolean }): Listener {
    return {
      listen: async (address, onStream) => {
        const acceptor = this.acceptor({ orPlain }, (socket, remote, subject) =>
          onStream(new NodeByteStream(socket, remote, { ...(subject !== undefined && { subject }) })),
        );
        const tcp = createTcpServer(acceptedSocketOptions, acceptor.accept);
        const listening = await listenOn(tcp, address);
        const close = async (): Promise<void> => {
          await listening.close();
          // Not when Node calls it closed: for that it waits for these very connections.
          acceptor.close();
        };
        return { address: listening.address, close };
      },
    };
  }

  /** The same for who listens by itself. `onSocket` gets what can be read and written as if there were no TLS. */
  acceptor(
    { orPlain }: { readonly orPlain: boolean },
    onSocket: (socket: Socket, remote: Address, subject: string | undefined) => void,
  ): TlsAcceptor {
    const { clientAuth, handshakeMs } = this.#options;
    const tls = createServer({
      ...secureOptions(this.#credentials),
      requestCert: clientAuth !== "none",
      // Where all must, OpenSSL tells those who show none, with an alert. It has none for a certificate that is not good: Node
      // lets that through, and then closes without a word. Where one is only wanted, none will do, so that is judged below.
      rejectUnauthorized: clientAuth === "need",
      // Ours ends first, and begins with the connection.
      handshakeTimeout: 2 * handshakeMs,
    });
    const update = (credentials: TlsCredentials) => tls.setSecureContext(secureOptions(credentials));
    this.#contexts.add(update);
    tls.on("secureConnection", (socket: TLSSocket) => {
      socket.allowHalfOpen = acceptedSocketOptions.allowHalfOpen;
      // Of who has gone away already, or comes too late, is told elsewhere.
      const isThere = addressOf(socket) !== undefined;
      const remote = isThere ? this.#endHandshake(carrierOf(socket)) : undefined;
      const reason = this.#judge(socket);
      if (remote === undefined || reason !== undefined) {
        if (remote !== undefined) this.#options.onRefused(remote, reason ?? "");
        socket.on("error", () => socket.destroy());
        socket.destroy();
        return;
      }
      onSocket(socket, remote, shownSubject(socket));
    });
    tls.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      this.#endHandshake(carrierOf(socket), failureOf(error, socket));
      socket.destroy();
    });
    const pending = new Set<Socket>();
    return {
      accept: (socket) => this.#onSocket(socket, tls, pending, orPlain ? onSocket : undefined),
      close: () => {
        this.#contexts.delete(update);
        for (const socket of pending) socket.destroy();
      },
    };
  }

  /** A handshake is over; with a `failure` that is told. Gives who it was with; undefined if it was over before. */
  #endHandshake(carrier: Socket, failure?: string): Address | undefined {
    const handshake = this.#underWay.get(carrier);
    if (handshake === undefined) return undefined;
    this.#underWay.delete(carrier);
    handshake.over();
    if (failure !== undefined) this.#options.onRefused(handshake.remote, failure);
    return handshake.remote;
  }

  /** Why a client that got through the handshake may not come in all the same. */
  #judge(socket: TLSSocket): string | undefined {
    const { clientAuth } = this.#options;
    if (clientAuth === "none") return undefined;
    if (socket.getPeerX509Certificate() === undefined) return clientAuth === "need" ? showsNone : undefined;
    return socket.authorized ? undefined : notTrusted(socket);
  }

  #onSocket(
    socket: Socket,
    tls: ReturnType<typeof createServer>,
    pending: Set<Socket>,
    onPlain: ((socket: Socket, remote: Address, subject: undefined) => void) | undefined,
  ): void {
    const { handshakeMs, maxHandshakes, onRefused } = this.#options;
    const remote = addressOf(socket);
    const onError = (): void => void socket.destroy();
    socket.on("error", onError);
    if (remote === undefined) return onError();
    const over = () => {
      pending.delete(socket);
      this.#silent.delete(socket);
      this.#handshakes.delete(socket);
      clearTimeout(timer);
    };
    const giveUp = (reason: string) => {
      over();
      this.#underWay.delete(socket);
      onRefused(remote, reason);
      socket.destroy();
    };
    const timer = setTimeout(() => giveUp(`no TLS handshake came of it in ${handshakeMs} ms`), handshakeMs);
    const [oldest] = this.#silent.values();
    if (this.#silent.size >= maxHandshakes) oldest?.();
    pending.add(socket);
    this.#silent.set(socket, () => giveUp("it was silent, and made room for others (limit maxHandshakes)"));
    socket.once("close", over);
    socket.once("readable", () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return onError();
      socket.unshift(chunk);
      this.#silent.delete(socket);
      if (chunk[0] === firstByteOfTls) {
        if (this.#handshakes.size >= maxHandshakes) {
          return giveUp(`${maxHandshakes} TLS handshakes are under way (limit maxHandshakes)`);
        }
        this.#handshakes.add(socket);
        this.#underWay.set(socket, { remote, over });
        // Where TLS has more to say of it, that is said in the course of this very event.
        socket.once("close", () => setImmediate(() => this.#endHandshake(socket, wentAway)));
        // TLS takes this over from the socket: who ends its half in the middle of the handshake is gone.
        socket.allowHalfOpen = false;
        tls.emit("connection", socket);
        return;
      }
      over();
      if (onPlain === undefined) {
        onRefused(remote, "it does not speak TLS, which this port is for");
        return onError();
      }
      socket.off("error", onError);
      onPlain(socket, remote, undefined);
    });
  }
}

const showsNone = "it shows no certificate, and all clients must";
const wentAway = "it went away in the middle of its TLS handshake";

function notTrusted({ authorizationError }: TLSSocket): string {
  return `its certificate is not to be trusted: ${String(authorizationError)}`;
}

/** Why the handshake of `socket` came to nothing. */
function failureOf(error: Error, socket: TLSSocket): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") return showsNone;
  // Node has closed it itself: to that alone the error does not point.
  if (socket.authorizationError) return notTrusted(socket);
  return code === "ECONNRESET" ? wentAway : `its TLS handshake failed: ${reasonOf(error)}`;
}

/** The socket below one with TLS, as the system accepted it; others are their own. Node has no other way from one to the other. */
export function carrierOf(socket: Socket): Socket {
  return (socket as { _parent?: Socket })._parent ?? socket;
}

/** @throws Error when something cannot be used */
function check(credentials: TlsCredentials): CertificateFacts {
  const problem = credentialsProblem(credentials);
  if (problem !== undefined) throw new Error(`TLS: ${problem.part} ${problem.text}`);
  return certificateFacts(credentials.cert);
}

function shownSubject(socket: TLSSocket): string | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? undefined : subjectOf(certificate.raw);
}

function addressOf({ remoteAddress, remotePort }: Socket): Address | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { host: plainAddress(remoteAddress), port: remotePort };
}
