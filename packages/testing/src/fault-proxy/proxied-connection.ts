/** What can be done to a connection through the proxy, and to all of them. */

/** One way through the proxy, or both. */
export type Direction = "toClient" | "toServer" | "both";

/** How long everything takes one way, ms: always the same, or each time something between two bounds. */
export type Latency = number | { readonly minMs: number; readonly maxMs: number };

/** Faults that a connection can have. On the proxy itself: all its connections, those to come included. */
export interface Faults {
  /**
   * Delays what is sent from now on, one way; both ways by default, so that a round trip takes twice as long. The order
   * is kept: nothing overtakes what was sent before it. 0 ends it.
   */
  latency(latency: Latency, direction?: Direction): void;
  /**
   * Makes a half-open connection: nothing more arrives at that side, and nobody is told, not even of the other side's
   * death. What is sent meanwhile is kept. A new connection that is stalled `toServer` is accepted, and not yet made to
   * the server.
   */
  stall(direction: Direction): void;
  /** Ends a stall. What was kept arrives, in order. Both ways by default. */
  resume(direction?: Direction): void;
  /** Resets both halves. What was under way, or kept by a stall, is lost. */
  cut(): void;
}

/** One client's connection. */
export interface ProxiedConnection extends Faults {
  /** Counts up from 1 in the order of accepting. */
  readonly id: number;
  /** The session it is for; 0 until the handshake has passed. */
  readonly sessionId: bigint;
  /** `host:port` of the server behind the proxy. */
  readonly server: string;
  /** False once it has ended or was cut. */
  readonly isOpen: boolean;
}
