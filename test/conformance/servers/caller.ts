/** One who talks to a server on raw frames, and keeps what comes: answers to whom they are due, events in the order heard. */
import {
  type ClientOperation,
  errorName,
  operations,
  Reader,
  type RequestOf,
  type ResponseOf,
  SpecialXid,
  WatchEventType,
  watcherEventCodec,
} from "@corral/protocol";
import { RawConnection, type Reply } from "../../support/raw-connection.ts";

/** What came of a request. */
export interface Answer<O extends ClientOperation> {
  /** The error's name, `Ok`, or `closed` when the server ended the connection instead. */
  readonly err: string;
  /** Of the reply's header. */
  readonly zxid: number;
  /** Absent unless `err` is `Ok`. */
  readonly value: ResponseOf<O> | undefined;
}

/** An event as it came. */
export interface HeardEvent {
  /** `nodeCreated /a` */
  readonly text: string;
  readonly state: number;
  readonly zxid: number;
}

/** See the head of this file. */
export class Caller {
  readonly connection: RawConnection;
  /** What was heard and not taken yet, in order: events as `nodeCreated /a`, answers as `create: Ok`. */
  #heard: string[] = [];
  #events: HeardEvent[] = [];

  constructor(connection: RawConnection) {
    this.connection = connection;
  }

  /** One with a session of its own. */
  static async open(port: number, timeOut = 10_000): Promise<Caller> {
    return new Caller(await RawConnection.withSession(port, timeOut));
  }

  /** Sends a request and waits for what comes of it. */
  call<O extends ClientOperation>(operation: O, request: RequestOf<O>): Promise<Answer<O>> {
    this.connection.send(operation, request);
    return this.answer(operation);
  }

  /** The name of the error that comes of a request. */
  async error<O extends ClientOperation>(operation: O, request: RequestOf<O>): Promise<string> {
    return (await this.call(operation, request)).err;
  }

  /** As `call`, but asks again while the server refuses it for having waited too long, which a busy machine is enough for. */
  async patientCall<O extends ClientOperation>(operation: O, request: RequestOf<O>): Promise<Answer<O>> {
    for (;;) {
      const answer = await this.call(operation, request);
      if (answer.err !== "ThrottledOp") return answer;
    }
  }

  /** The response to a request that must succeed. */
  async value<O extends ClientOperation>(operation: O, request: RequestOf<O>): Promise<ResponseOf<O>> {
    const { err, value } = await this.call(operation, request);
    if (err !== "Ok") throw new Error(`${operation} of ${JSON.stringify(request)} failed: ${err}`);
    return value as ResponseOf<O>;
  }

  /** Sends an operation by its number, with these bytes as its body. */
  async raw(opcode: number, body: Uint8Array = new Uint8Array(0)): Promise<string> {
    const frame = Buffer.alloc(12 + body.length);
    frame.writeInt32BE(8 + body.length, 0);
    frame.writeInt32BE(4_712, 4);
    frame.writeInt32BE(opcode, 8);
    frame.set(body, 12);
    this.connection.socket.write(frame);
    return (await this.#answer(`operation ${opcode}`)).err;
  }

  /** The next answer, to an operation that was sent. Events that come before are kept. */
  async answer<O extends ClientOperation>(operation: O): Promise<Answer<O>> {
    const { err, zxid, body } = await this.#answer(operation);
    if (err !== "Ok") return { err, zxid, value: undefined };
    const value = operations[operation].response.read(new Reader(body)) as ResponseOf<O>;
    return { err, zxid, value };
  }

  async #answer(name: string): Promise<{ readonly err: string; readonly zxid: number; readonly body: Buffer }> {
    for (;;) {
      let reply: Reply;
      try {
        reply = await this.connection.reply();
      } catch {
        this.#heard.push("closed");
        return { err: "closed", zxid: 0, body: Buffer.alloc(0) };
      }
      const { header, body } = reply;
      if (header.xid === SpecialXid.notification) {
        this.#keepEvent(reply);
        continue;
      }
      const err = errorName(header.err) ?? String(header.err);
      this.#heard.push(`${name}: ${err}`);
      return { err, zxid: header.zxid, body };
    }
  }

  #keepEvent({ header, body }: Reply): void {
    const { type, state, path } = watcherEventCodec.read(new Reader(body));
    const name = Object.entries(WatchEventType).find(([, code]) => code === type)?.[0] ?? String(type);
    const text = `${name} ${path}`;
    this.#heard.push(text);
    this.#events.push({ text, state, zxid: header.zxid });
  }

  /** Waits until an event has come, if none has yet. */
  async untilEvent(): Promise<void> {
    if (this.#events.length === 0) this.#keepEvent(await this.connection.reply());
  }

  /** Every event that was sent until now, with all of it; a ping sees to it that they are all here. */
  async fullEvents(): Promise<readonly HeardEvent[]> {
    await this.call("ping", {});
    const events = this.#events;
    this.#events = [];
    this.#heard = [];
    return events;
  }

  /** Every event that was sent until now, as `nodeCreated /a`. */
  async events(): Promise<readonly string[]> {
    return (await this.fullEvents()).map(({ text }) => text);
  }

  /** Events and answers that were heard since the last time, in order. */
  takeHeard(): readonly string[] {
    const heard = this.#heard;
    this.#heard = [];
    this.#events = [];
    return heard;
  }

  /** Proves to be `user:password`. */
  authenticate(credentials: string): Promise<string> {
    return this.error("auth", { type: 0, scheme: "digest", auth: Buffer.from(credentials) });
  }

  /** Whether the server has ended the connection; waits for it. */
  async untilClosed(): Promise<void> {
    await this.connection.closed;
  }
}
