/**
 * A session on a raw socket that asks and is answered, and is told of watches: for what takes more thought than
 * `LoadConnection`'s templates. Of each reply the xid, the error code, the zxid and every byte's place are verified.
 */
import type { Socket } from "node:net";
import {
  type ClientOperation,
  type Codec,
  ErrorCode,
  errorName,
  type FrameDecoder,
  OpCode,
  operations,
  Reader,
  type RequestOf,
  type ResponseOf,
  replyHeaderCodec,
  SpecialXid,
  type WatcherEvent,
  Writer,
  watcherEventCodec,
} from "@corral/protocol";
import { LoadError, openSession } from "../load/open-session.ts";

interface Asked {
  readonly operation: ClientOperation;
  readonly xid: number;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** A session that was opened. */
export class RawSession {
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  readonly #asked: Asked[] = [];
  #xid = 0;
  #zxid = -1;
  #failure: Error | undefined;
  /** Called for each notification. Until it is set, one is an error. */
  onEvent: (event: WatcherEvent) => void = ({ path }) => {
    throw new LoadError(`A notification of ${path} that nobody asked for.`);
  };
  /** Called once if the session fails; what was asked is rejected besides. */
  onFailure: (error: Error) => void = () => {};

  private constructor(socket: Socket, decoder: FrameDecoder) {
    this.#socket = socket;
    this.#decoder = decoder;
    socket.on("data", (chunk) => this.#onData(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new LoadError("The server closed the connection.")));
  }

  /** Opens a session on a server of this machine. */
  static async open(port: number, sessionTimeoutMs = 40_000): Promise<RawSession> {
    const { socket, decoder } = await openSession(port, sessionTimeoutMs);
    return new RawSession(socket, decoder);
  }

  /** Asks, and answers what the server answered; `undefined` if there is no such node. Rejects at any other error. */
  ask<O extends ClientOperation>(operation: O, body: RequestOf<O>): Promise<ResponseOf<O> | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const xid = ++this.#xid;
    const writer = new Writer();
    const mark = writer.beginFrame();
    writer.int(xid);
    writer.int(OpCode[operation]);
    // The table's entry and the body are of the same operation, which the compiler cannot see through the union.
    (operations[operation].request as Codec<RequestOf<O>>).write(writer, body);
    writer.endFrame(mark);
    this.#socket.write(writer.take());
    return new Promise((resolve, reject) => {
      this.#asked.push({ operation, xid, resolve: (answer) => resolve(answer as ResponseOf<O> | undefined), reject });
    });
  }

  /** The same where the node must be there. */
  async demand<O extends ClientOperation>(operation: O, body: RequestOf<O>): Promise<ResponseOf<O>> {
    const answer = await this.ask(operation, body);
    if (answer === undefined) throw new LoadError(`${operation}: error NoNode.`);
    return answer;
  }

  /** Closes the session, waits for the answer, and closes the socket. */
  async close(): Promise<void> {
    await this.demand("closeSession", {});
    this.#failure = new LoadError("The session was closed.");
    if (this.#socket.destroyed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.end();
    await closed;
  }

  #onData(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk);
      for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) this.#onFrame(frame);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #onFrame(frame: Buffer): void {
    const reader = new Reader(frame);
    const { xid, zxid, err } = replyHeaderCodec.read(reader);
    if (xid === SpecialXid.notification) {
      const event = watcherEventCodec.read(reader);
      finish(reader, "notification");
      this.onEvent(event);
      return;
    }
    const asked = this.#asked.shift();
    if (asked === undefined) throw new LoadError("A reply that nobody asked for.");
    const { operation } = asked;
    try {
      if (xid !== asked.xid) throw new LoadError(`${operation}: the reply has xid ${xid} where ${asked.xid} is due.`);
      if (zxid < this.#zxid) throw new LoadError(`${operation}: zxid ${zxid} after ${this.#zxid}.`);
      this.#zxid = zxid;
      if (err !== 0 && err !== ErrorCode.NoNode) throw new LoadError(`${operation}: error ${errorName(err) ?? err}.`);
      const answer = err === 0 ? operations[operation].response.read(reader) : undefined;
      finish(reader, operation);
      asked.resolve(answer);
    } catch (error) {
      asked.reject(error as Error);
      throw error;
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const { reject } of this.#asked.splice(0)) reject(error);
    this.onFailure(error);
    this.#socket.destroy();
  }
}

function finish(reader: Reader, what: string): void {
  if (reader.remaining > 0) throw new LoadError(`${what}: ${reader.remaining} bytes more than are due.`);
}

/** Opens so many sessions, some at a time: a server's queue of newcomers is short. */
export async function openMany(port: number, count: number): Promise<RawSession[]> {
  const sessions: RawSession[] = [];
  while (sessions.length < count) {
    const some = Math.min(50, count - sessions.length);
    sessions.push(...(await Promise.all(Array.from({ length: some }, () => RawSession.open(port)))));
  }
  return sessions;
}

/** Closes them, some at a time. */
export async function closeMany(sessions: readonly RawSession[]): Promise<void> {
  for (let i = 0; i < sessions.length; i += 500) {
    await Promise.all(sessions.slice(i, i + 500).map((session) => session.close()));
  }
}
