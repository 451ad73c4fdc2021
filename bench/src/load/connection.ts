/**
 * One session on one socket, as fast as Node can: requests are copied from templates, all that fit leave in one write,
 * and of each reply the length, the xid, the error code and the zxid are verified.
 */
import type { Socket } from "node:net";
import { errorName, type FrameDecoder, OpCode, Writer } from "@corral/protocol";
import { LoadError, openSession } from "./open-session.ts";
import { type Request, xidOffset } from "./requests.ts";

/** What a connection is to do. */
export interface Work {
  /** The next request; `undefined` when there is none any more. */
  next(): Request | undefined;
  /** Requests in flight. */
  readonly depth: number;
  /** Called for each good reply; times in milliseconds on `performance.now()`. */
  onReply(sentMs: number, receivedMs: number): void;
}

/** A session that was opened. */
export class LoadConnection {
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  #work: Work | undefined;
  /** Requests in flight, the oldest at #oldest, in a ring of #work.depth. */
  #inFlight: Request[] = [];
  #sentMs = new Float64Array(0);
  #oldest = 0;
  #count = 0;
  #xid = 0;
  #zxid = -1;
  #finish: () => void = () => {};
  #fail: (error: Error) => void;

  private constructor(socket: Socket, decoder: FrameDecoder) {
    this.#socket = socket;
    this.#decoder = decoder;
    this.#fail = () => socket.destroy();
    socket.on("data", (chunk) => this.#onData(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new LoadError("The server closed the connection.")));
  }

  /** Opens a session on a server of this machine. */
  static async open(port: number, sessionTimeoutMs = 30_000): Promise<LoadConnection> {
    const { socket, decoder } = await openSession(port, sessionTimeoutMs);
    return new LoadConnection(socket, decoder);
  }

  /** Breaks the connection without a word: the session lives on until it expires. */
  abandon(): void {
    this.#fail = () => {};
    this.#socket.destroy();
  }

  /** Does the work; resolves when there is no more of it and every request was answered. */
  run(work: Work): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#work = work;
      this.#inFlight = new Array(work.depth);
      this.#sentMs = new Float64Array(work.depth);
      this.#oldest = 0;
      this.#finish = resolve;
      this.#fail = reject;
      this.#send(work);
    });
  }

  #send(work: Work): void {
    const batch: Request[] = [];
    let bytes = 0;
    while (this.#count + batch.length < work.depth) {
      const request = work.next();
      if (request === undefined) break;
      batch.push(request);
      bytes += request.frame.length;
    }
    if (batch.length === 0) {
      if (this.#count === 0) this.#finish();
      return;
    }
    const out = Buffer.allocUnsafe(bytes);
    const nowMs = performance.now();
    let at = 0;
    for (const request of batch) {
      out.set(request.frame, at);
      out.writeInt32BE(++this.#xid, at + xidOffset);
      at += request.frame.length;
      const place = (this.#oldest + this.#count++) % work.depth;
      this.#inFlight[place] = request;
      this.#sentMs[place] = nowMs;
    }
    this.#socket.write(out);
  }

  #onData(chunk: Buffer): void {
    const work = this.#work;
    try {
      this.#decoder.push(chunk);
      const nowMs = performance.now();
      for (let reply = this.#decoder.next(); reply !== undefined; reply = this.#decoder.next()) {
        if (work === undefined || this.#count === 0) throw new LoadError("A reply that nobody asked for.");
        this.#verify(reply, this.#inFlight[this.#oldest]!);
        work.onReply(this.#sentMs[this.#oldest]!, nowMs);
        this.#oldest = (this.#oldest + 1) % work.depth;
        this.#count--;
      }
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
      return;
    }
    if (work !== undefined) this.#send(work);
  }

  #verify(reply: Buffer, { name, replyBytes }: Request): void {
    if (reply.length < 16) throw new LoadError(`${name}: a reply of ${reply.length} bytes.`);
    const wanted = this.#xid - this.#count + 1;
    const xid = reply.readInt32BE(0);
    if (xid !== wanted) throw new LoadError(`${name}: the reply has xid ${xid} where ${wanted} is due.`);
    const err = reply.readInt32BE(12);
    if (err !== 0) throw new LoadError(`${name}: error ${errorName(err) ?? err}.`);
    const zxid = reply.readInt32BE(4) * 2 ** 32 + reply.readUInt32BE(8);
    if (zxid < this.#zxid) throw new LoadError(`${name}: zxid ${zxid} after ${this.#zxid}.`);
    this.#zxid = zxid;
    if (reply.length !== replyBytes) {
      throw new LoadError(`${name}: a reply of ${reply.length} bytes where ${replyBytes} are due.`);
    }
  }

  /** Closes the session and then the socket. */
  async close(): Promise<void> {
    this.#work = undefined;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#fail = () => {};
    const writer = new Writer();
    const mark = writer.beginFrame();
    writer.int(++this.#xid);
    writer.int(OpCode.closeSession);
    writer.endFrame(mark);
    this.#socket.removeAllListeners("data");
    // The server answers and closes; one that does not is left.
    this.#socket.on("data", () => this.#socket.end());
    this.#socket.write(writer.take());
    // With the session go its nodes, which may be many.
    const patience = setTimeout(() => this.#socket.destroy(), 30_000);
    await closed;
    clearTimeout(patience);
  }
}
