/** What stands before every body, and the handshake that stands before everything. */
import type { Codec } from "../codec.ts";

/** Before every request but the first. */
export interface RequestHeader {
  readonly xid: number;
  /** The operation, an `OpCode` if the client is sane. */
  readonly type: number;
}

/** class RequestHeader { int xid; int type; } */
export const requestHeaderCodec: Codec<RequestHeader> = {
  write(w, v) {
    w.int(v.xid);
    w.int(v.type);
  },
  read: (r) => ({ xid: r.int(), type: r.int() }),
};

/** Before every reply but the first, and before every event. */
export interface ReplyHeader {
  /** The request's xid, or −1 for a watch event. */
  readonly xid: number;
  /** The server's last processed zxid; 0 for auth and sasl; −1 is possible for events. */
  readonly zxid: number;
  /** An `ErrorCode`; a body follows only when it is 0. */
  readonly err: number;
}

/** class ReplyHeader { int xid; long zxid; int err; } */
export const replyHeaderCodec: Codec<ReplyHeader> = {
  write(w, v) {
    w.int(v.xid);
    w.long(v.zxid);
    w.int(v.err);
  },
  read: (r) => ({ xid: r.int(), zxid: r.long(), err: r.int() }),
};

/** The first frame of a client. */
export interface ConnectRequest {
  readonly protocolVersion: number;
  /** The newest zxid that the client has seen; a server that is behind it must not take the client. */
  readonly lastZxidSeen: number;
  /** Session timeout asked for, ms. */
  readonly timeOut: number;
  /** 0 for a new session. */
  readonly sessionId: bigint;
  readonly passwd: Uint8Array | null;
  /** Whether a read-only server will do. `undefined`: a client from before 3.4 that does not send the byte. */
  readonly readOnly: boolean | undefined;
}

/** class ConnectRequest { int protocolVersion; long lastZxidSeen; int timeOut; long sessionId; buffer passwd; boolean readOnly; } — the last one may be missing */
export const connectRequestCodec: Codec<ConnectRequest> = {
  write(w, v) {
    w.int(v.protocolVersion);
    w.long(v.lastZxidSeen);
    w.int(v.timeOut);
    w.bigLong(v.sessionId);
    w.buffer(v.passwd);
    if (v.readOnly !== undefined) w.bool(v.readOnly);
  },
  read: (r) => ({
    protocolVersion: r.int(),
    // A server has every zxid that is less than 0, and none that is beyond the largest number.
    lastZxidSeen: r.nearestLong(),
    timeOut: r.int(),
    sessionId: r.bigLong(),
    passwd: r.buffer(),
    readOnly: r.remaining > 0 ? r.bool() : undefined,
  }),
};

/** The first frame of a server. */
export interface ConnectResponse {
  readonly protocolVersion: number;
  /** Negotiated session timeout in ms; 0 (with session id 0) says that the session is gone. */
  readonly timeOut: number;
  readonly sessionId: bigint;
  readonly passwd: Uint8Array | null;
  /** Whether this server is read-only now. `undefined` when the client did not send its own byte. */
  readonly readOnly: boolean | undefined;
}

/** class ConnectResponse { int protocolVersion; int timeOut; long sessionId; buffer passwd; boolean readOnly; } — the last one may be missing */
export const connectResponseCodec: Codec<ConnectResponse> = {
  write(w, v) {
    w.int(v.protocolVersion);
    w.int(v.timeOut);
    w.bigLong(v.sessionId);
    w.buffer(v.passwd);
    if (v.readOnly !== undefined) w.bool(v.readOnly);
  },
  read: (r) => ({
    protocolVersion: r.int(),
    timeOut: r.int(),
    sessionId: r.bigLong(),
    passwd: r.buffer(),
    readOnly: r.remaining > 0 ? r.bool() : undefined,
  }),
};

/** Adds an identity to the connection; sent with xid −4 after every connect. */
export interface AuthPacket {
  /** Always 0. */
  readonly type: number;
  readonly scheme: string;
  /** For digest: `user:password` in clear. */
  readonly auth: Uint8Array | null;
}

/** class AuthPacket { int type; ustring scheme; buffer auth; } */
export const authPacketCodec: Codec<AuthPacket> = {
  write(w, v) {
    w.int(v.type);
    w.string(v.scheme);
    w.buffer(v.auth);
  },
  read: (r) => ({ type: r.int(), scheme: r.string(), auth: r.buffer() }),
};

/** What happened to a watched path; sent with xid −1. */
export interface WatcherEvent {
  /** A `WatchEventType`. */
  readonly type: number;
  /** A `WatchEventState`; from a server always 3. */
  readonly state: number;
  readonly path: string;
}

/** class WatcherEvent { int type; int state; ustring path; } */
export const watcherEventCodec: Codec<WatcherEvent> = {
  write(w, v) {
    w.int(v.type);
    w.int(v.state);
    w.string(v.path);
  },
  read: (r) => ({ type: r.int(), state: r.int(), path: r.string() }),
};
