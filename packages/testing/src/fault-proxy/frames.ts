/** What the proxy says about each frame that passes it. */
import type { OpName, WatchEventTypeName } from "@corral/protocol";

/** What is known of a request, when it passes and again when its reply does. */
export interface RequestInfo {
  /** An `OpCode` if the client is sane; `OpCode.createSession` for the handshake, whether the session is new or not. */
  readonly opcode: number;
  /** The opcode's name, or `undefined` for a number that no operation has. */
  readonly operation: OpName | undefined;
  /** 0 for the handshake, negative for pings and auth. */
  readonly xid: number;
  /** The path as the server knows it (with any chroot), if the request names exactly one. */
  readonly path: string | undefined;
  /** Every path that it names: one for each operation of a multi, one for each watch of a setWatches. */
  readonly paths: readonly string[];
}

/** A request on its way to the server. */
export interface RequestFrame extends RequestInfo {
  readonly kind: "request";
}

/** A reply on its way to the client, with the request that it answers. */
export interface ReplyFrame extends RequestInfo {
  readonly kind: "reply";
  /** The server's last zxid; 0 for the handshake. */
  readonly zxid: number;
  /** An `ErrorCode`; 0 for success. Of a multi that failed it is 0 as well: the failure stands in its results. */
  readonly err: number;
}

/** A watch event on its way to the client. */
export interface EventFrame {
  readonly kind: "event";
  /** What happened. `undefined` for a kind that this package does not know. */
  readonly event: WatchEventTypeName | undefined;
  readonly path: string;
  readonly zxid: number;
}

/** A frame that has passed the proxy. */
export type ProxiedFrame = RequestFrame | ReplyFrame | EventFrame;
