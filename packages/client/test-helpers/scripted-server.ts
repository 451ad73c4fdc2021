/**
 * Servers in memory that do what a test tells them: the Dialer port on one side, requests to answer on the other.
 * Handshakes and pings are answered by themselves unless a test says otherwise.
 */
import type { Address, ByteStream, Dialer, StreamHandler } from "@corral/io";
import {
  type ClientOperation,
  type Codec,
  type ConnectRequest,
  type ConnectResponse,
  connectRequestCodec,
  connectResponseCodec,
  FrameDecoder,
  operations,
  opName,
  Reader,
  type RequestOf,
  type ResponseOf,
  replyHeaderCodec,
  requestHeaderCodec,
  type WireStat,
  Writer,
  watcherEventCodec,
} from "@corral/protocol";

type Table = { readonly [O in ClientOperation]: { request: Codec<RequestOf<O>>; response: Codec<ResponseOf<O>> } };
const codecs: Table = operations;

/** A stat with nothing remarkable in it. */
export const plainStat: WireStat = {
  czxid: 1,
  mzxid: 1,
  ctime: 1_700_000_000_000,
  mtime: 1_700_000_000_000,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1,
};

/** A request that arrived. */
export interface Arrived {
  readonly xid: number;
  readonly operation: ClientOperation;
  readonly body: Reader;
}

/** What a server does with a new connection: takes it, refuses it, or never lets the dial end. */
export type Manner = "accept" | "refuse" | "blackhole";

export class ScriptedServer {
  manner: Manner = "accept";
  /** Answers the handshake; `undefined` leaves it to the test. */
  onConnect: ((request: ConnectRequest) => ConnectResponse | undefined) | undefined;
  readonly connections: ServerConnection[] = [];
  readonly #waiting: ((connection: ServerConnection) => void)[] = [];

  constructor(session: { readonly id: bigint; readonly timeoutMs: number }) {
    this.onConnect = (request) => ({
      protocolVersion: 0,
      timeOut: session.timeoutMs,
      sessionId: request.sessionId === 0n ? session.id : request.sessionId,
      passwd: new Uint8Array(16).fill(7),
      readOnly: false,
    });
  }

  /** The latest connection. */
  get connection(): ServerConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error("nobody has connected");
    return last;
  }

  /** The next connection to come. */
  nextConnection(): Promise<ServerConnection> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Answers to four-letter words; to others there is none. */
  readonly words: Record<string, string> = {};
  /** Words that were asked. */
  readonly asked: string[] = [];

  accept(): ByteStream {
    return new ServerConnection(this).clientSide;
  }

  /** The first bytes are none of a four-letter word's: somebody wants a session. */
  onHandshakeBegun(connection: ServerConnection): void {
    this.connections.push(connection);
    this.#waiting.shift()?.(connection);
  }
}

/** The server's side of one connection. */
export class ServerConnection {
  readonly #server: ScriptedServer;
  readonly #decoder = new FrameDecoder({ maxFrameBytes: 10_000_000 });
  #handler: StreamHandler | undefined;
  #handshake: ConnectRequest | undefined;
  readonly #arrived: Arrived[] = [];
  readonly #waiting: { readonly operation: ClientOperation; resolve(request: Arrived): void }[] = [];
  #zxid = 1;
  /** Whether pings are answered. */
  answersPings = true;
  /** The client has destroyed its side. */
  ended = false;
  /** Operations in the order in which they arrived, pings left out. */
  readonly log: string[] = [];
  /** Watches taken back, as "path type". */
  readonly removedWatches: string[] = [];
  /** Requests not answered yet, in order. */
  #due: Arrived[] = [];
  pings = 0;
  /** Number of writes, each of which a real stream would turn into a packet. */
  writes = 0;

  constructor(server: ScriptedServer) {
    this.#server = server;
  }

  /** What the client asked for in its handshake. */
  get handshake(): ConnectRequest {
    if (this.#handshake === undefined) throw new Error("no handshake has arrived");
    return this.#handshake;
  }

  readonly clientSide: ByteStream = (() => {
    const self = this;
    return {
      remote: { host: "test", port: 1 },
      attach: (handler: StreamHandler) => {
        self.#handler = handler;
      },
      write: (bytes: Uint8Array) => self.#onBytes(Buffer.from(bytes)),
      get unsentBytes() {
        return 0;
      },
      pauseReading() {},
      end: () => {
        self.ended = true;
      },
      destroy: () => {
        self.ended = true;
      },
    };
  })();

  /** The next request of `operation`, also if it has arrived already. */
  request(operation: ClientOperation): Promise<Arrived> {
    const index = this.#arrived.findIndex((request) => request.operation === operation);
    const [there] = index < 0 ? [] : this.#arrived.splice(index, 1);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.push({ operation, resolve }));
  }

  /** The decoded body of a request. */
  bodyOf<O extends ClientOperation>(operation: O, request: Arrived): RequestOf<O> {
    return codecs[operation].request.read(request.body);
  }

  /** Answers a request with success. */
  answer<O extends ClientOperation>(
    operation: O,
    request: Arrived,
    response: ResponseOf<O>,
    zxid = ++this.#zxid,
  ): void {
    this.sendBytes(encodeReply(request.xid, zxid, 0, (writer) => codecs[operation].response.write(writer, response)));
    this.#answered(request);
  }

  /** Answers a request with an error. */
  refuse(request: Arrived, err: number, zxid = ++this.#zxid): void {
    this.sendBytes(encodeReply(request.xid, zxid, err));
    this.#answered(request);
  }

  #answered(request: Arrived): void {
    this.#due = this.#due.filter(({ xid }) => xid !== request.xid);
    this.#answerRemovals();
  }

  /** Watches taken back need no test's attention; but nothing is answered out of order. */
  #answerRemovals(): void {
    for (let next = this.#due[0]; next?.operation === "removeWatches"; next = this.#due[0]) {
      this.#due.shift();
      this.sendBytes(encodeReply(next.xid, ++this.#zxid, 0));
    }
  }

  /** Sends a watch event. */
  event(type: number, path: string, zxid = -1): void {
    this.sendBytes(encodeReply(-1, zxid, 0, (writer) => watcherEventCodec.write(writer, { type, state: 3, path })));
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Buffer): void {
    if (!this.ended) this.#handler?.onData(bytes);
  }

  answerHandshake(response: ConnectResponse): void {
    const writer = new Writer();
    const mark = writer.beginFrame();
    connectResponseCodec.write(writer, response);
    writer.endFrame(mark);
    this.sendBytes(writer.take());
  }

  /** Ends the connection. */
  close(error?: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.#handler?.onClose(error);
  }

  #onBytes(bytes: Buffer): void {
    if (this.ended) return;
    this.writes++;
    if (this.writes === 1) {
      if ((bytes[0] ?? 0) >= 0x61) return this.#onWord(bytes.toString());
      this.#server.onHandshakeBegun(this);
    }
    this.#decoder.push(bytes);
    for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
      const reader = new Reader(frame);
      if (this.#handshake === undefined) this.#onHandshake(connectRequestCodec.read(reader));
      else this.#onRequest(reader);
    }
  }

  #onWord(word: string): void {
    this.#server.asked.push(word);
    const answer = this.#server.words[word];
    queueMicrotask(() => {
      if (answer !== undefined) this.sendBytes(Buffer.from(answer));
      this.close();
    });
  }

  #onHandshake(request: ConnectRequest): void {
    this.#handshake = request;
    const response = this.#server.onConnect?.(request);
    if (response !== undefined) queueMicrotask(() => this.answerHandshake(response));
  }

  #onRequest(reader: Reader): void {
    const { xid, type } = requestHeaderCodec.read(reader);
    const operation = opName(type);
    if (operation === undefined || !(operation in operations)) throw new Error(`operation ${type} from the client`);
    if (operation === "ping") {
      this.pings++;
      if (this.answersPings) queueMicrotask(() => this.sendBytes(encodeReply(-2, this.#zxid, 0)));
      return;
    }
    const request: Arrived = { xid, operation: operation as ClientOperation, body: reader };
    this.log.push(operation);
    this.#due.push(request);
    if (operation === "removeWatches") {
      const { path, type } = this.bodyOf("removeWatches", request);
      this.removedWatches.push(`${path} ${type}`);
      queueMicrotask(() => this.#answerRemovals());
      return;
    }
    const index = this.#waiting.findIndex((waiting) => waiting.operation === operation);
    if (index < 0) this.#arrived.push(request);
    else this.#waiting.splice(index, 1)[0]?.resolve(request);
  }
}

/** A reply as bytes. */
export function encodeReply(xid: number, zxid: number, err: number, body?: (writer: Writer) => void): Buffer {
  const writer = new Writer();
  const mark = writer.beginFrame();
  replyHeaderCodec.write(writer, { xid, zxid, err });
  body?.(writer);
  writer.endFrame(mark);
  return writer.take();
}

/** Dials scripted servers by host name. */
export class ScriptedDialer implements Dialer {
  readonly servers: Map<string, ScriptedServer>;
  readonly dialed: string[] = [];

  constructor(servers: Readonly<Record<string, ScriptedServer>>) {
    this.servers = new Map(Object.entries(servers));
  }

  dial({ host }: Address, { signal }: { readonly signal: AbortSignal }): Promise<ByteStream> {
    this.dialed.push(host);
    const server = this.servers.get(host);
    if (server === undefined) return Promise.reject(new Error(`getaddrinfo ENOTFOUND ${host}`));
    if (server.manner === "refuse") return Promise.reject(new Error(`connect ECONNREFUSED ${host}`));
    if (server.manner === "accept") return Promise.resolve(server.accept());
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }
}
