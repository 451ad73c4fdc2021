/**
 * TCP as a proxy that does harm needs it: a reset is not an end, and each half of a connection ends by itself. The
 * `ByteStream` port of @corral/io hides both on purpose.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Address } from "@corral/io";

/** What a socket tells its owner. */
export interface TcpHandler {
  /** A dialled socket has reached the other side. Never called for an accepted one. */
  onConnected(): void;
  onData(chunk: Buffer): void;
  /** The other side has ended its half; ours can still be written to. */
  onEnd(): void;
  /** After `write` returned false: everything written was taken. */
  onDrained(): void;
  /** Nothing is called after this. `inOrder`: both halves were ended; otherwise it was reset, or never connected. */
  onClosed(inOrder: boolean): void;
}

/** How long the other side may take to read what is left when a connection ends. */
const lingerMs = 1_000;

const socketOptions = { allowHalfOpen: true, noDelay: true } as const;

/** A socket, dialled or accepted. */
export class TcpSocket {
  readonly #socket: Socket;
  #ended = false;

  /** Takes the socket over, before anything can have arrived on it. */
  constructor(socket: Socket, handler: TcpHandler) {
    this.#socket = socket;
    let failed = false;
    socket.on("error", () => {
      failed = true;
    });
    socket.on("connect", () => handler.onConnected());
    socket.on("data", (chunk: Buffer) => handler.onData(chunk));
    socket.on("end", () => {
      this.#ended = true;
      handler.onEnd();
    });
    socket.on("drain", () => handler.onDrained());
    socket.on("close", () => handler.onClosed(this.#ended && !failed));
  }

  /** Begins to connect. */
  static dial({ host, port }: Address, handler: TcpHandler): TcpSocket {
    return new TcpSocket(connect({ host, port, ...socketOptions }), handler);
  }

  /** Queues bytes. False: more than enough is queued, wait for `onDrained`. */
  write(bytes: Uint8Array): boolean {
    return !this.#socket.writable || this.#socket.write(bytes);
  }

  /** Ends this half after what was written. */
  end(): void {
    this.#socket.end();
  }

  /** Ends the whole connection after what was written: all of that arrives, if the other side reads it within a second. */
  endWhole(): void {
    this.#socket.destroySoon();
    const timeout = setTimeout(() => this.#socket.destroy(), lingerMs);
    timeout.unref();
    this.#socket.once("close", () => clearTimeout(timeout));
  }

  /** Breaks the connection (RST); what was written may not arrive. */
  reset(): void {
    const socket = this.#socket;
    // Node loses a socket, still open, that is reset while it is being shut down (its half is ending this very moment) or
    // before it is connected. Closed, it is over just as well; and if bytes arrive that nobody takes, the system resets.
    const isShuttingDown = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    if (isShuttingDown || socket.connecting) socket.destroy();
    else socket.resetAndDestroy();
  }

  /** Stops or resumes reading; the other side feels it as back-pressure. */
  pauseReading(paused: boolean): void {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }
}

/** A socket that was accepted and belongs to nobody yet: take it or refuse it, at once. */
export class AcceptedSocket {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  take(handler: TcpHandler): TcpSocket {
    return new TcpSocket(this.#socket, handler);
  }

  /** Resets it. */
  refuse(): void {
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.resetAndDestroy();
  }
}

/** A listening socket on a free port of 127.0.0.1. */
export class TcpListening {
  readonly address: Address;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    const { address: host, port } = server.address() as AddressInfo;
    this.address = { host, port };
  }

  static async open(onAccepted: (accepted: AcceptedSocket) => void): Promise<TcpListening> {
    const server = createServer(socketOptions, (socket) => onAccepted(new AcceptedSocket(socket)));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: "127.0.0.1", port: 0, backlog: 1_024 }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return new TcpListening(server);
  }

  /** Gives the port up. Resolves when every accepted socket is closed as well. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
