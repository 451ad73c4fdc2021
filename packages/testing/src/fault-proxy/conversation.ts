/**
 * One connection's bytes understood as frames, both ways: each request described, each reply matched with its request.
 * It only looks. The pieces it gives, put together, are the bytes it got; what it cannot understand (four-letter words,
 * TLS, garbage) passes as it is, and so does everything that follows it in that direction.
 */
import {
  connectRequestCodec,
  connectResponseCodec,
  DecodeError,
  FrameDecoder,
  FrameLengthError,
  OpCode,
  Reader,
  replyHeaderCodec,
  SpecialXid,
  WatchEventType,
  type WatchEventTypeName,
  watcherEventCodec,
} from "@corral/protocol";
import { describeRequest } from "./describe-request.ts";
import type { EventFrame, ProxiedFrame, ReplyFrame, RequestFrame } from "./frames.ts";

/** Bytes that pass or stop as one: a frame with its length, or bytes that are no frame. */
export interface Piece<F extends ProxiedFrame> {
  readonly bytes: Buffer;
  readonly frame: F | undefined;
}

/** Longer ones are taken for something that is not this protocol. No server of ours or Apache's lets nearly as much in. */
const maxFrameBytes = 64 << 20;

const handshake: RequestFrame = {
  kind: "request",
  opcode: OpCode.createSession,
  operation: "createSession",
  xid: 0,
  path: undefined,
  paths: [],
};

const eventNames = new Map<number, WatchEventTypeName>(
  Object.entries(WatchEventType).map(([name, type]) => [type, name as WatchEventTypeName]),
);

/** See the head of this file. Requests are to be given to it before their replies. */
export class Conversation {
  readonly #requests = new Splitter();
  readonly #replies = new Splitter();
  /** Requests that passed and are not answered, in their order. */
  readonly #unanswered: RequestFrame[] = [];
  #greeted = false;
  #answered = false;
  #sessionId = 0n;

  /** The session that this connection is for; 0 until the handshake has told. */
  get sessionId(): bigint {
    return this.#sessionId;
  }

  /** Bytes on their way to the server. An incomplete frame waits for its rest. */
  toServer(bytes: Buffer): Piece<RequestFrame>[] {
    return this.#requests.split(bytes, (payload) => this.#request(payload));
  }

  /** Bytes on their way to the client. */
  toClient(bytes: Buffer): Piece<ReplyFrame | EventFrame>[] {
    return this.#replies.split(bytes, (payload) => this.#reply(payload));
  }

  /** The beginning of a frame to the server that will get no rest. */
  unfinishedToServer(): Buffer {
    return this.#requests.rest();
  }

  /** The same, to the client. */
  unfinishedToClient(): Buffer {
    return this.#replies.rest();
  }

  #request(payload: Buffer): RequestFrame | undefined {
    const reader = new Reader(payload);
    let frame: RequestFrame | undefined;
    if (this.#greeted) {
      frame = describeRequest(reader);
    } else {
      this.#greeted = true;
      this.#sessionId = connectRequestCodec.read(reader).sessionId;
      frame = handshake;
    }
    if (frame !== undefined) this.#unanswered.push(frame);
    return frame;
  }

  #reply(payload: Buffer): ReplyFrame | EventFrame | undefined {
    const reader = new Reader(payload);
    if (!this.#answered) {
      this.#answered = true;
      this.#sessionId = connectResponseCodec.read(reader).sessionId;
      return this.#answer(handshake.xid, { zxid: 0, err: 0 });
    }
    const { xid, zxid, err } = replyHeaderCodec.read(reader);
    if (xid !== SpecialXid.notification) return this.#answer(xid, { zxid, err });
    const { type, path } = watcherEventCodec.read(reader);
    return { kind: "event", event: eventNames.get(type), path, zxid };
  }

  /** The oldest request with that xid: replies keep the order of requests, but some requests get none. */
  #answer(xid: number, { zxid, err }: { zxid: number; err: number }): ReplyFrame | undefined {
    const at = this.#unanswered.findIndex((request) => request.xid === xid);
    const [request] = at < 0 ? [] : this.#unanswered.splice(at, 1);
    return request && { ...request, kind: "reply", zxid, err };
  }
}

/** One direction's stream cut into frames. */
class Splitter {
  readonly #decoder = new FrameDecoder({ maxFrameBytes });
  #isFramed = true;

  split<F extends ProxiedFrame>(chunk: Buffer, describe: (payload: Buffer) => F | undefined): Piece<F>[] {
    if (!this.#isFramed) return [{ bytes: chunk, frame: undefined }];
    this.#decoder.push(chunk);
    const pieces: Piece<F>[] = [];
    try {
      for (let payload = this.#decoder.next(); payload !== undefined; payload = this.#decoder.next()) {
        pieces.push({ bytes: withLength(payload), frame: describeIfSound(payload, describe) });
      }
    } catch (error) {
      if (!(error instanceof FrameLengthError)) throw error;
      this.#isFramed = false;
      pieces.push({ bytes: Buffer.from(this.#decoder.peek()), frame: undefined });
    }
    return pieces;
  }

  rest(): Buffer {
    return this.#isFramed ? this.#decoder.peek() : Buffer.alloc(0);
  }
}

function withLength(payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + payload.length);
  bytes.writeInt32BE(payload.length, 0);
  payload.copy(bytes, 4);
  return bytes;
}

/** A frame that cannot be decoded is for the other side to judge. */
function describeIfSound<F>(payload: Buffer, describe: (payload: Buffer) => F | undefined): F | undefined {
  try {
    return describe(payload);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
