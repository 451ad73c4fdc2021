/**
 * The network of one client: a `FaultProxy` of its own, and in the words of these tests what happens to a client that is
 * cut off, or never hears what became of its request.
 */
import type { OpName } from "@corral/protocol";
import { FaultProxy } from "@corral/testing";

export class BreakableNetwork {
  readonly #proxy: FaultProxy;

  private constructor(proxy: FaultProxy) {
    this.#proxy = proxy;
  }

  /** A network between nobody yet and the server there. */
  static async to(connectString: string): Promise<BreakableNetwork> {
    return new BreakableNetwork(await FaultProxy.start(connectString));
  }

  /** Where the client finds the server. */
  get connectString(): string {
    return this.#proxy.connectString;
  }

  /** Breaks every connection, and refuses new ones until `heal`. */
  cut(): void {
    this.#proxy.refuse();
    this.reset();
  }

  heal(): void {
    this.#proxy.accept();
  }

  /** Breaks every connection; new ones are fine. */
  reset(): void {
    this.#proxy.cut();
  }

  /**
   * The next request of this kind goes out, and from then on nothing comes in on its connection. Resolves when it has gone
   * out. `reset` ends the silence.
   */
  swallowAnswerTo(operation: OpName): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#proxy.onFrame((frame, connection) => {
        if (frame.kind !== "request" || frame.operation !== operation) return;
        stop();
        connection.stall("toClient");
        resolve();
      });
    });
  }

  /**
   * The next request of this kind about a path with that beginning goes out, and what its client sends after it is held.
   * Resolves when it has gone out, to what lets the rest go on.
   */
  holdAfter(operation: OpName, pathStart: string): Promise<() => void> {
    return new Promise((resolve) => {
      const stop = this.#proxy.onFrame((frame, connection) => {
        if (frame.kind !== "request" || frame.operation !== operation || !frame.path?.startsWith(pathStart)) return;
        stop();
        connection.stall("toServer");
        resolve(() => connection.resume("toServer"));
      });
    });
  }

  close(): Promise<void> {
    return this.#proxy.close();
  }
}
