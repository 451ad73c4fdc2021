/** A TCP connection that speaks the wire byte by byte: for what a proper client would never send. */
import { connect, type Socket } from "node:net";
import {
  type ClientOperation,
  connectRequestCodec,
  connectResponseCodec,
  FrameDecoder,
  OpCode,
  operations,
  Reader,
  type ReplyHeader,
  type RequestOf,
  replyHeaderCodec,
  requestHeaderCodec,
  Writer,
} from "@corral/protocol";

export interface Reply {
  readonly header: ReplyHeader;
  readonly body: Buffer;
}

export class RawConnection {
  readonly socket: Socket;
  /** Resolves when the other side has ended or reset the connection. */
  readonly closed: Promise<void>;
  sessionId = 0n;
  passwd: Uint8Array = new Uint8Array(16);
  readonly #decoder = new FrameDecoder({ maxFrameBytes: 1 << 30 });
  readonly #frames: Buffer[] = [];
  readonly #waiting: { resolve(frame: Buffer): void; reject(error: Error): void }[] = [];
  #over = false;
  #xid = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      this.#decoder.push(chunk);
      for (let f = this.#decoder.next(); f !== undefined; f = this.#decoder.next()) {
        const waiter = this.#waiting.shift();
        if (waiter === undefined) this.#frames.push(f);
        else waiter.resolve(f);
      }
    });
    void this.closed.then(() => {
      this.#over = true;
      for (const waiter of this.#waiting.splice(0)) waiter.reject(new Error("the server closed the connection"));
    });
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawConnection(socket));
      });
    });
  }

  /** A connection with a session of its own. */
  static async withSession(port: number, timeOut = 30_000): Promise<RawConnection> {
    const connection = await RawConnection.open(port);
    await connection.handshake({ timeOut });
    return connection;
  }

  /** The next frame. Rejects when the connection ends first. */
  frame(): Promise<Buffer> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#over) return Promise.reject(new Error("the server closed the connection"));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async reply(): Promise<Reply> {
    const reader = new Reader(await this.frame());
    return { header: replyHeaderCodec.read(reader), body: reader.rest() };
  }

  async handshake(o: { timeOut?: number; sessionId?: bigint; passwd?: Uint8Array; lastZxidSeen?: number } = {}) {
    const { timeOut = 30_000, sessionId = 0n, passwd = new Uint8Array(16), lastZxidSeen = 0 } = o;
    const w = new Writer();
    const mark = w.beginFrame();
    connectRequestCodec.write(w, { protocolVersion: 0, lastZxidSeen, timeOut, sessionId, passwd, readOnly: false });
    w.endFrame(mark);
    this.socket.write(w.take());
    const response = connectResponseCodec.read(new Reader(await this.frame()));
    this.sessionId = response.sessionId;
    this.passwd = response.passwd ?? new Uint8Array(16);
    return response;
  }

  /** A framed request. */
  encode<O extends ClientOperation>(operation: O, request: RequestOf<O>, xid = ++this.#xid): Buffer {
    const w = new Writer();
    const mark = w.beginFrame();
    requestHeaderCodec.write(w, { xid, type: OpCode[operation] });
    (operations[operation].request.write as (w: Writer, v: RequestOf<O>) => void)(w, request);
    w.endFrame(mark);
    return w.take();
  }

  send<O extends ClientOperation>(operation: O, request: RequestOf<O>): void {
    this.socket.write(this.encode(operation, request));
  }

  call<O extends ClientOperation>(operation: O, request: RequestOf<O>): Promise<Reply> {
    this.send(operation, request);
    return this.reply();
  }

  /** Breaks the connection without a word: the session lives on. */
  destroy(): void {
    this.socket.destroy();
  }
}
