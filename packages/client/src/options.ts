/** What the calls of the public API take. */
import type {
  Clock,
  Diagnostics,
  Dialer,
  Environment,
  Logger,
  ProcessEnd,
  Random,
  Resolver,
  SignalName,
  TlsOptions,
} from "@corral/io";
import type { Acl, CreateModeName } from "@corral/protocol";
import type { Engine } from "./features.ts";
import type { HostOrder } from "./host-rotation.ts";
import type { DigestMd5Options } from "./sasl/digest-md5.ts";
import type { ScramOptions } from "./sasl/scram-sha-256.ts";
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
  /** Longest answer. Servers do not bound theirs: 10^5 children are several MB. Default 64 MiB. */
  readonly responseBytesMax?: number;
  /** In which order hosts are tried: at random (the default), or always from the first on. A service's have their own. */
  readonly hostOrder?: HostOrder;
  /** Whether a server will do that takes no writes, until one is found that does. Default false. */
  readonly canBeReadOnly?: boolean;
  /** TLS instead of plain TCP; `true` for servers with certificates that Node trusts anyway. */
  readonly tls?: TlsOptions | true;
  /** Authenticates every connection before anything else is sent on it. */
  readonly sasl?: SaslOptions;
  /**
   * Ends the session when the process ends, so that its ephemeral nodes go at once: at these signals (`true`: SIGINT and
   * SIGTERM), after which the process ends as it would have, and at `process.exit`, as far as that goes. Default false.
   */
  readonly closeOnSignals?: boolean | readonly SignalName[];
  /** Whose servers they are. Default: they are asked, once, on a connection of its own (`srvr`). */
  readonly engine?: Engine;
  /** Ends `connect()` early. Has no effect afterwards. */
  readonly signal?: AbortSignal;
  /** Ports; Node's by default. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Not together with `tls`. */
  readonly dialer?: Dialer;
  readonly resolver?: Resolver;
  readonly environment?: Environment;
  readonly diagnostics?: Diagnostics;
  readonly processEnd?: ProcessEnd;
  /** Default: silent. A pino logger fits. */
  readonly logger?: Logger;
}

/**
 * How to authenticate by SASL: with DIGEST-MD5, which is all that Apache ZooKeeper has of this kind, or with SCRAM-SHA-256,
 * which is stronger. Default: DIGEST-MD5.
 */
export type SaslOptions =
  | (DigestMd5Options & { readonly mechanism?: "DIGEST-MD5" })
  | (ScramOptions & { readonly mechanism: "SCRAM-SHA-256" });

/** Of what is observed. */
export interface ObserveOptions {
  /** Ends it: the stream completes. */
  readonly signal?: AbortSignal | undefined;
}

/** Of every call that waits for the server. */
export interface CallOptions {
  /**
   * Ends the wait: the call rejects with the signal's reason. A request that had been sent may happen all the same, so
   * that the outcome of a write is then unknown.
   */
  readonly signal?: AbortSignal | undefined;
  /** Ends the wait after so long, ms, in the same way: it rejects with WaitTimeoutError. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/** Of reads. */
export interface ReadOptions extends CallOptions {
  /**
   * The read shows every write, of whatever client, that was answered before it was asked for. Costs a round through the
   * leader. Without it a read shows at least this client's own writes and whatever it has seen before.
   */
  readonly linearizable?: boolean;
  /**
   * The read shows the tree as of this zxid or later: that of another client's write, of which news arrived by another
   * way. Costs nothing if this client has seen as much. With OperationTimeoutError if no server gets there.
   */
  readonly atLeast?: bigint;
}

/** Of reads that can leave a watch. */
export interface WatchOptions extends ReadOptions {
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

/** Whether missing parents are made: as persistent nodes, or as containers, which go when their last child has gone. */
export type CreateParents = boolean | "container";

/** Of create. */
export interface CreateOptions extends NodeOptions, CallOptions {
  /** Default false: without its parent a node is not made. */
  readonly createParents?: CreateParents;
  /**
   * Puts a marker before the node's name, `_c_<guid>-<name>`, by which a create whose reply was lost is found again: the
   * call then does not reject with ConnectionLossError. When its signal aborts, a node that was made all the same is
   * deleted as soon as there is a connection. With SessionExpiredError no ephemeral node is left; make a new one.
   */
  readonly protected?: boolean;
}

/** Of setOrCreate. What it says of the node holds if there is none yet. */
export interface SetOrCreateOptions extends NodeOptions, CallOptions {
  readonly createParents?: CreateParents;
}

/** Of delete. */
export interface DeleteOptions extends VersionOptions {
  /** Deletes everything below as well, whoever adds to it meanwhile. Not all at once: others may see a part of it gone. */
  readonly children?: boolean;
  /**
   * Goes on through broken connections until the node is gone; the call resolves then. When its signal aborts, the call
   * rejects and the deletion goes on in the background. It ends with its session: SessionExpiredError.
   */
  readonly guaranteed?: boolean;
}
