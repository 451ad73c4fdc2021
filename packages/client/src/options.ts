/** What the calls of the public API take. */
import type { Clock, Dialer, Logger, Random } from "@corral/io";
import type { Acl, CreateModeName } from "@corral/protocol";
import type { Watcher } from "./watch-event.ts";

/** Data of a node: text goes as UTF-8; null is no data, which is kept apart from data of no bytes. */
export type Data = string | Uint8Array | null;

/** Options of `connect()`. */
export interface ClientOptions {
  /** Session timeout to ask for; the server may give another. Default 30 000. */
  readonly sessionTimeoutMs?: number;
  /** How long `connect()` tries before it rejects with ConnectTimeoutError. Default 30 000. */
  readonly connectTimeoutMs?: number;
  /** Longest request. The server's limit, if that was raised. Default 1 048 575. */
  readonly requestBytesMax?: number;
  /** Ends `connect()` early. Has no effect afterwards. */
  readonly signal?: AbortSignal;
  /** Ports; Node's by default. */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly dialer?: Dialer;
  /** Default: silent. A pino logger fits. */
  readonly logger?: Logger;
}

/** Of every call that waits for the server. */
export interface CallOptions {
  /**
   * Ends the wait: the call rejects with the signal's reason. A request that had been sent may happen all the same, so
   * that the outcome of a write is then unknown.
   */
  readonly signal?: AbortSignal;
}

/** Of reads that can leave a watch. */
export interface WatchOptions extends CallOptions {
  /** Called at most once, when what was read changes or the session ends. Registered only if the read succeeds. */
  readonly watch?: Watcher;
}

/** Of conditional writes. */
export interface VersionOptions extends CallOptions {
  /** Only if the node has this version. Default −1: any. */
  readonly version?: number;
}

/** What kind of node to create. */
export interface NodeOptions {
  /** Default `persistent`. */
  readonly mode?: CreateModeName;
  /** Who may do what. Default: everybody everything. */
  readonly acl?: readonly Acl[];
  /** Time to live, 1 … 2^40 − 1 ms. For the two modes with a TTL, and necessary there. */
  readonly ttlMs?: number;
}

/** Of create. */
export interface CreateOptions extends NodeOptions, CallOptions {}
