/**
 * One stream to one server: bytes in, decoded frames out; packets in, bytes out. Everything sent in one turn of the
 * event loop leaves in one write.
 */
import type { ByteStream, StreamHandler } from "@corral/io";
import type { ClientOperation, RequestOf, ResponseOf } from "@corral/protocol";
import {
  type Codec,
  connectRequestCodec,
  connectResponseCodec,
  FrameDecoder,
  FrameLengthError,
  OpCode,
  operations,
  Reader,
  replyHeaderCodec,
  SpecialXid,
  Writer,
  watcherEventCodec,
} from "@corral/protocol";
import type { LinkFailure, Packet, ReceivedFrame, SessionRequest } from "./session-types.ts";

/** A request that is encoded already, but for its xid. */
export interface EncodedRequest extends SessionRequest {
  /** Frame length, xid (to be filled in), operation, body. */
  readonly frame: Buffer;
}

/** What a connection tells its owner. */
export interface ConnectionHandler {
  /** All complete frames of one read, in order; at least one. */
  onFrames(frames: readonly ReceivedFrame[]): void;
  onBroken(failure: LinkFailure): void;
  /** Called before bytes are written; may destroy the connection. */
  beforeWrite(): void;
}

/** An xid, a zxid, an error's code. */
const replyHeaderBytes = 16;

type CodecTable = { readonly [O in ClientOperation]: { request: Codec<RequestOf<O>>; response: Codec<ResponseOf<O>> } };
const codecs: CodecTable = operations;

/** Encodes a request, all but the xid. Takes a copy of its data. */
export function encodeRequest<O extends ClientOperation>(operation: O, body: RequestOf<O>): Buffer {
  const writer = new Writer();
  const mark = writer.beginFrame();
  writer.int(0);
  writer.int(OpCode[operation]);
  codecs[operation].request.write(writer, body);
  writer.endFrame(mark);
  return writer.take();
}

/**
 * Decodes the body of a successful answer.
 * @throws DecodeError
 */
export function decodeResponse<O extends ClientOperation>(operation: O, body: Reader): ResponseOf<O> {
  return codecs[operation].response.read(body);
}

/** A connected stream, spoken to in packets. */
export class Connection implements StreamHandler {
  readonly #stream: ByteStream;
  readonly #handler: ConnectionHandler;
  readonly #decoder: FrameDecoder;
  readonly #responseBytesMax: number;
  #handshaken = false;
  #over = false;
  #unwritten: Buffer[] = [];
  /** Bytes handed to the stream, and taken from it. */
  readonly bytes = { sent: 0, received: 0 };

  constructor(stream: ByteStream, handler: ConnectionHandler, responseBytesMax: number) {
    this.#stream = stream;
    this.#handler = handler;
    this.#responseBytesMax = responseBytesMax;
    this.#decoder = new FrameDecoder({ maxFrameBytes: responseBytesMax });
    stream.attach(this);
  }

  /** Sends a packet, together with everything else of this turn. */
  send(packet: Packet<EncodedRequest>): void {
    if (this.#over) return;
    this.#unwritten.push(encodePacket(packet));
    if (this.#unwritten.length === 1) queueMicrotask(() => this.#flush());
  }

  /** Ends the connection at once. Nothing is called after this. Idempotent. */
  destroy(): void {
    if (this.#over) return;
    this.#over = true;
    this.#unwritten = [];
    this.#stream.destroy();
  }

  #flush(): void {
    if (this.#over || this.#unwritten.length === 0) return;
    this.#handler.beforeWrite();
    const [first, ...more] = this.#unwritten;
    if (first === undefined) return;
    this.#unwritten = [];
    const all = more.length === 0 ? first : Buffer.concat([first, ...more]);
    this.bytes.sent += all.length;
    this.#stream.write(all);
  }

  /** Sends everything at once, not at the end of this turn: there may be none. */
  flushNow(): void {
    this.#flush();
    if (!this.#over) this.#stream.flush?.();
  }

  onData(chunk: Buffer): void {
    if (this.#over) return;
    this.bytes.received += chunk.length;
    this.#decoder.push(chunk);
    const frames: ReceivedFrame[] = [];
    let error: Error | undefined;
    try {
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    if (frames.length > 0) this.#handler.onFrames(frames);
    if (error !== undefined && !this.#over)
      this.#handler.onBroken({ kind: "malformed", error: explained(error, this.#responseBytesMax) });
  }

  #next(): ReceivedFrame | undefined {
    try {
      const frame = this.#decoder.next();
      return frame && this.#decode(frame);
    } catch (error) {
      // The first frame of a connection may be anybody's; behind it, a length is one.
      if (!(error instanceof FrameLengthError) || error.length < 0 || !this.#handshaken) throw error;
      const beginning = this.#decoder.nextBeginning(replyHeaderBytes);
      if (beginning === undefined) return undefined;
      const header = replyHeaderCodec.read(new Reader(beginning));
      if (header.xid === SpecialXid.notification) throw error;
      return { type: "reply", header, body: new Reader(Buffer.alloc(0)), tooLong: error.length };
    }
  }

  #decode(frame: Buffer): ReceivedFrame {
    const reader = new Reader(frame);
    if (!this.#handshaken) {
      this.#handshaken = true;
      return { type: "handshake", response: connectResponseCodec.read(reader) };
    }
    const header = replyHeaderCodec.read(reader);
    if (header.xid === SpecialXid.notification) return { type: "event", event: watcherEventCodec.read(reader) };
    return { type: "reply", header, body: reader };
  }

  onDrain(): void {
    // What is unsent is bounded by the requests that may wait; nothing to resume.
  }

  onClose(error?: Error): void {
    if (this.#over) return;
    this.#handler.onBroken({ kind: "closed", ...(error === undefined ? {} : { error }) });
  }
}

/**
 * Bytes that are no frame are mostly another protocol's, and two of them are known by their beginning. Or the answer is
 * just too long.
 */
function explained(error: Error, responseBytesMax: number): Error {
  if (!(error instanceof FrameLengthError)) return error;
  // A TLS alert; "HTTP".
  if (error.length >>> 16 === 0x1503) return new Error("it speaks TLS: connect with { tls }", { cause: error });
  if (error.length === 0x48545450) return new Error("it speaks HTTP: is this the right port?", { cause: error });
  if (error.length < 0) return error;
  const told = `an answer of ${error.length} bytes, of which ${responseBytesMax} are allowed`;
  return new Error(`${told}: spread the children over several nodes, or raise responseBytesMax`, { cause: error });
}

function encodePacket(packet: Packet<EncodedRequest>): Buffer {
  if (packet.type === "request") {
    packet.request.frame.writeInt32BE(packet.xid, 4);
    return packet.request.frame;
  }
  const writer = new Writer(64);
  const mark = writer.beginFrame();
  switch (packet.type) {
    case "connect":
      connectRequestCodec.write(writer, packet.request);
      break;
    case "auth":
      writer.int(SpecialXid.auth);
      writer.int(OpCode.auth);
      codecs.auth.request.write(writer, { type: 0, scheme: packet.auth.scheme, auth: packet.auth.auth });
      break;
    case "setWatches": {
      // Servers before 3.6 know only the older form, which has no persistent ones.
      const { persistentWatches, persistentRecursiveWatches } = packet.watches;
      const form = persistentWatches.length + persistentRecursiveWatches.length > 0 ? "setWatches2" : "setWatches";
      writer.int(packet.xid);
      writer.int(OpCode[form]);
      codecs[form].request.write(writer, packet.watches);
      break;
    }
    case "sasl":
      writer.int(packet.xid);
      writer.int(OpCode.sasl);
      codecs.sasl.request.write(writer, packet);
      break;
    case "removeWatches":
      writer.int(packet.xid);
      writer.int(OpCode.removeWatches);
      codecs.removeWatches.request.write(writer, packet.watch);
      break;
    case "closeSession":
      writer.int(packet.xid);
      writer.int(OpCode.closeSession);
      break;
    case "ping":
      writer.int(SpecialXid.ping);
      writer.int(OpCode.ping);
      break;
  }
  writer.endFrame(mark);
  return writer.take();
}
