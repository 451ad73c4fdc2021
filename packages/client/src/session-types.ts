/** What goes into the session machine and what comes out: plain data. */
import type { Address } from "@corral/io";
import type {
  ClientOperation,
  ConnectRequest,
  ConnectResponse,
  Reader,
  ReplyHeader,
  SetWatches2,
  WatcherEvent,
} from "@corral/protocol";
import type { HostOrder } from "./host-rotation.ts";
import type { BeginSasl } from "./sasl/exchange.ts";
import type { WatchEventKind, Watcher } from "./watch-event.ts";
import type { ServerWatch, WatchKind } from "./watch-registry.ts";

/**
 * `connecting`: no session yet. `connected`: a session, and a server answers. `suspended`: the session may live, the
 * connection does not: stop acting. `lost`: the session is over; a new one is on its way. `closed`: for good.
 */
export type ClientState = "connecting" | "connected" | "suspended" | "lost" | "closed";

/**
 * Why a session is over: the server said so; it can no longer be relied upon; or it was one of a server that is
 * read-only, and lasted as long as the connection to it.
 */
export type LostReason = "expired" | "deadline" | "readOnly";

/** A request, from the machine's point of view. The shell hangs more on it; the machine hands the same object back. */
export interface SessionRequest {
  readonly operation: ClientOperation;
  /** The server's name of the node, for traces. */
  readonly path: string;
  /** The watcher to register if the request succeeds. */
  readonly watch: WatchIntent | undefined;
  /**
   * How many sessions the caller had been told are lost when it asked. A request that was made in the belief in one
   * session must not happen in the next: the belief may be the reason for it.
   */
  readonly generation: number;
  /** Set by the machine when the caller no longer wants the answer. */
  abandoned: boolean;
}

/** A watch that a read asks for. `exist` becomes `data` if the node is there. */
export interface WatchIntent {
  readonly kind: WatchKind;
  readonly watcher: Watcher;
}

/** Credentials, presented again on every connection. Identity counts: the shell knows its caller by it. */
export interface SessionAuth {
  readonly scheme: string;
  readonly auth: Uint8Array | null;
}

/** Why a connection, or the attempt to get one, ended. */
export type LinkFailure =
  | { readonly kind: "unreachable"; readonly error: Error }
  | { readonly kind: "timeout"; readonly stage: "dial" | "handshake"; readonly waitedMs: number }
  | { readonly kind: "refused"; readonly error?: Error }
  | { readonly kind: "noSession" }
  /** `isRefusal`: the server said so; otherwise its part of the exchange is not as it should be. */
  | { readonly kind: "notAuthenticated"; readonly error: Error; readonly isRefusal: boolean }
  | { readonly kind: "malformed"; readonly error: Error }
  | { readonly kind: "closed"; readonly error?: Error }
  | { readonly kind: "silent"; readonly waitedMs: number }
  | { readonly kind: "given up" };

/** One decoded frame. */
export type ReceivedFrame =
  | { readonly type: "handshake"; readonly response: ConnectResponse }
  /** `tooLong`: its body has so many bytes, more than it may, and was left out. */
  | { readonly type: "reply"; readonly header: ReplyHeader; readonly body: Reader; readonly tooLong?: number }
  | { readonly type: "event"; readonly event: WatcherEvent };

/** What happens to a session. */
export type SessionInput<R extends SessionRequest> =
  /** The back-off is over: try the next host. */
  | { readonly type: "attempt" }
  /** `isOneOfSeveral`: the next dial of the same host may reach another server. */
  | { readonly type: "opened"; readonly connection: number; readonly isOneOfSeveral?: boolean | undefined }
  /** All complete frames of what one read of the stream delivered. */
  | { readonly type: "received"; readonly connection: number; readonly frames: readonly ReceivedFrame[] }
  /** The dial failed, or the stream ended. */
  | { readonly type: "broken"; readonly connection: number; readonly failure: LinkFailure }
  | { readonly type: "request"; readonly request: R }
  | { readonly type: "abandon"; readonly request: R }
  | { readonly type: "addAuth"; readonly auth: SessionAuth }
  | { readonly type: "forgetAuth"; readonly auth: SessionAuth }
  /** It has turned out that every answer moves the deadline. */
  | { readonly type: "trustAnswers" }
  /** A server that takes writes has been found, while the session is with one that does not. */
  | { readonly type: "readWriteAt"; readonly host: Address }
  /** The ensemble's servers are these now, in the order in which to try them. */
  | { readonly type: "hosts"; readonly hosts: readonly Address[] }
  /** More about why a host refuses. */
  | { readonly type: "diagnosed"; readonly host: Address; readonly reason: string }
  | { readonly type: "unwatch"; readonly path: string; readonly watcher: Watcher }
  /** Bytes are about to be written: the last moment at which a stale belief can be noticed. */
  | { readonly type: "beforeWrite" }
  | { readonly type: "timer" }
  | { readonly type: "close" };

/** What is to be sent. */
export type Packet<R extends SessionRequest> =
  | { readonly type: "connect"; readonly request: ConnectRequest }
  | { readonly type: "auth"; readonly auth: SessionAuth }
  | { readonly type: "sasl"; readonly xid: number; readonly token: Uint8Array }
  | { readonly type: "setWatches"; readonly xid: number; readonly watches: SetWatches2 }
  | { readonly type: "request"; readonly xid: number; readonly request: R }
  | { readonly type: "removeWatches"; readonly xid: number; readonly watch: ServerWatch }
  | { readonly type: "closeSession"; readonly xid: number }
  | { readonly type: "ping" };

/** Why a request has no answer from a server. */
export type RequestFailure =
  | { readonly kind: "connectionLoss"; readonly host: Address; readonly failure: LinkFailure }
  | { readonly kind: "sessionExpired" }
  | { readonly kind: "closed" }
  | { readonly kind: "tooMany"; readonly what: string }
  /** There is one, which has more bytes than it may. */
  | { readonly kind: "answerTooLong"; readonly bytes: number };

/** What the machine wants done. */
export type SessionEffect<R extends SessionRequest> =
  /** The connection to `host` is gone, which had lasted `livedMs`: begin to make attempts, with back-off. */
  | { readonly type: "connect"; readonly livedMs: number; readonly host: Address; readonly failure: LinkFailure }
  | { readonly type: "attemptSucceeded" }
  | { readonly type: "attemptFailed"; readonly host: Address; readonly failure: LinkFailure }
  | { readonly type: "dial"; readonly connection: number; readonly host: Address }
  | { readonly type: "send"; readonly connection: number; readonly packet: Packet<R> }
  /** Destroy the stream; nothing that comes from it counts any more. */
  | { readonly type: "drop"; readonly connection: number }
  | { readonly type: "answer"; readonly request: R; readonly err: number; readonly body: Reader }
  | { readonly type: "fail"; readonly request: R; readonly failure: RequestFailure }
  | { readonly type: "authAnswered"; readonly auth: SessionAuth; readonly err: number }
  | {
      readonly type: "event";
      readonly event: WatchEventKind;
      readonly path: string;
      readonly watchers: readonly Watcher[];
    }
  | {
      readonly type: "state";
      readonly state: ClientState;
      readonly sessionId: bigint;
      readonly deadlineMs: number;
      readonly reason?: LostReason;
      readonly readOnly?: true;
    }
  | {
      readonly type: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** Nothing more will come. */
  | { readonly type: "closed" };

/** What a machine is to know from the beginning. */
export interface MachineOptions {
  /** In the order in which to try them. None: they come as an input, before the first attempt. */
  readonly hosts: readonly Address[];
  /** Default `shuffled`: go on from where one was. */
  readonly hostOrder?: HostOrder;
  readonly sessionTimeoutMs: number;
  /** Whether every answer moves the deadline; see `BelievedSession`. */
  readonly answersProve: boolean;
  /** Whether a server will do that takes no writes. Default false. */
  readonly canBeReadOnly?: boolean;
  /** How to authenticate by SASL, where that is wanted. */
  readonly sasl?: BeginSasl | undefined;
}
