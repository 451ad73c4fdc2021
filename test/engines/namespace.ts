/** A test's own piece of an engine: a chroot that nobody else uses, and clients that see nothing else. */
import { randomBytes } from "node:crypto";
import { type Client, type ClientOptions, connect } from "@corral/client";
import { expireSession } from "@corral/testing";

/** What a namespace is made in. */
export interface NamespaceParts {
  /** As the recipes under test reach the engine. */
  readonly connectString: string;
  /** Past everything that does harm on the way. */
  readonly steadyConnectString: string;
  readonly sessionTimeoutMs: number;
  readonly calm: () => Disposable;
}

/** See the head of this file. Made by `Engine.namespace()`; disposing of it closes its clients. */
export class Namespace implements AsyncDisposable {
  /** `/t-<random>`; it exists. */
  readonly chroot: string;
  /** With the chroot, for clients of other processes and for another proxy in front. */
  readonly connectString: string;
  /** The same, past everything that does harm on the way. */
  readonly steadyConnectString: string;
  readonly #parts: NamespaceParts;
  readonly #clients = new Set<Client>();

  private constructor(parts: NamespaceParts, chroot: string) {
    this.#parts = parts;
    this.chroot = chroot;
    this.connectString = parts.connectString + chroot;
    this.steadyConnectString = parts.steadyConnectString + chroot;
  }

  static async make(parts: NamespaceParts): Promise<Namespace> {
    const chroot = `/t-${randomBytes(6).toString("hex")}`;
    await using maker = await connect(parts.steadyConnectString);
    await maker.create(chroot);
    return new Namespace(parts, chroot);
  }

  /** A client as the recipes under test have it: through bad weather, where the engine has any. Closed with the namespace. */
  connect(options: ClientOptions = {}): Promise<Client> {
    return this.#connect(this.connectString, options);
  }

  /** A client for the test's own looks and preparations, past all bad weather. Closed with the namespace. */
  connectSteadily(options: ClientOptions = {}): Promise<Client> {
    return this.#connect(this.steadyConnectString, options);
  }

  /** Ends the client's session on the server, for real. Resolves when it is over there. */
  expireSession(client: Client): Promise<void> {
    return expireSession(client, { connectString: this.steadyConnectString });
  }

  /** No more faults until the result is disposed of, for what cannot be told in bad weather. */
  calm(): Disposable {
    return this.#parts.calm();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()));
  }

  async #connect(connectString: string, options: ClientOptions): Promise<Client> {
    const client = await connect(connectString, { sessionTimeoutMs: this.#parts.sessionTimeoutMs, ...options });
    this.#clients.add(client);
    return client;
  }
}
