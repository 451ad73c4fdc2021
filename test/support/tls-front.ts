/** A TLS server in front of a plain one: what comes in there goes on to `port`, in clear. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { createServer, type SecureContextOptions, type Server, type TLSSocket, type TlsOptions } from "node:tls";

export class TlsFront implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<{ destroy(): void }>();

  private constructor(port: number, options: TlsOptions) {
    this.#server = createServer({ ...options, allowHalfOpen: true }, (socket) => this.#forward(socket, port));
    // Also those that never get through the handshake: a client that does not like us is what some tests are about.
    this.#server.on("connection", (socket) => this.#sockets.add(socket));
    this.#server.on("tlsClientError", () => undefined);
  }

  static async start(port: number, options: TlsOptions): Promise<TlsFront> {
    const front = new TlsFront(port, options);
    front.#server.listen(0, "127.0.0.1");
    await once(front.#server, "listening");
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Shows another certificate from now on. */
  renew(options: SecureContextOptions): void {
    this.#server.setSecureContext(options);
  }

  #forward(socket: TLSSocket, port: number): void {
    const plain = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    for (const [from, to] of [
      [socket, plain],
      [plain, socket],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
      from.pipe(to);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
