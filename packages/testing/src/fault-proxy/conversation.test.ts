import {
  type ClientOperation,
  type Codec,
  connectRequestCodec,
  connectResponseCodec,
  ErrorCode,
  OpCode,
  openAcl,
  operations,
  type RequestOf,
  replyHeaderCodec,
  requestHeaderCodec,
  WatchEventType,
  Writer,
  watcherEventCodec,
} from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../seeded-random.ts";
import { Conversation } from "./conversation.ts";

function framed(write: (w: Writer) => void): Buffer {
  const w = new Writer();
  const mark = w.beginFrame();
  write(w);
  w.endFrame(mark);
  return w.take();
}

const hello = (sessionId = 0n) =>
  framed((w) =>
    connectRequestCodec.write(w, {
      protocolVersion: 0,
      lastZxidSeen: 0,
      timeOut: 1_000,
      sessionId,
      passwd: Buffer.alloc(16),
      readOnly: false,
    }),
  );
const welcome = (sessionId: bigint) =>
  framed((w) =>
    connectResponseCodec.write(w, {
      protocolVersion: 0,
      timeOut: 1_000,
      sessionId,
      passwd: Buffer.alloc(16),
      readOnly: false,
    }),
  );
function request<O extends ClientOperation>(xid: number, operation: O, body: RequestOf<O>): Buffer {
  const codec: { write(w: Writer, value: unknown): void } = operations[operation].request as Codec<unknown>;
  return framed((w) => {
    requestHeaderCodec.write(w, { xid, type: OpCode[operation] });
    codec.write(w, body);
  });
}
const reply = (xid: number, zxid = 7, err: number = ErrorCode.Ok) =>
  framed((w) => replyHeaderCodec.write(w, { xid, zxid, err }));
const event = (path: string) =>
  framed((w) => {
    replyHeaderCodec.write(w, { xid: -1, zxid: 9, err: 0 });
    watcherEventCodec.write(w, { type: WatchEventType.nodeDeleted, state: 3, path });
  });

const create = (path: string) => ({ path, data: null, acl: openAcl, flags: 0 });

function open(): Conversation {
  const conversation = new Conversation();
  conversation.toServer(hello());
  conversation.toClient(welcome(5n));
  return conversation;
}

describe("a conversation", () => {
  test("learns the session from the handshake", () => {
    const conversation = new Conversation();
    expect(conversation.sessionId).toBe(0n);
    const [asked] = conversation.toServer(hello(-3n));
    expect(asked?.frame).toMatchObject({ kind: "request", operation: "createSession", opcode: -10, xid: 0 });
    expect(conversation.sessionId).toBe(-3n);
    const [answered] = conversation.toClient(welcome(-3n));
    expect(answered?.frame).toMatchObject({ kind: "reply", operation: "createSession", err: 0 });
  });

  test("describes requests with the paths they name", () => {
    const conversation = open();
    const frames = [
      request(1, "create", create("/a")),
      request(2, "multi", [
        { type: OpCode.create, ...create("/b") },
        { type: OpCode.check, path: "/c", version: 1 },
      ]),
      request(3, "setWatches", { relativeZxid: 0, dataWatches: ["/d"], existWatches: [], childWatches: ["/e", "/f"] }),
      request(-2, "ping", {}),
    ].flatMap((bytes) => conversation.toServer(bytes).map(({ frame }) => frame));
    expect(frames).toEqual([
      { kind: "request", opcode: OpCode.create, operation: "create", xid: 1, path: "/a", paths: ["/a"] },
      { kind: "request", opcode: OpCode.multi, operation: "multi", xid: 2, path: undefined, paths: ["/b", "/c"] },
      {
        kind: "request",
        opcode: OpCode.setWatches,
        operation: "setWatches",
        xid: 3,
        path: undefined,
        paths: ["/d", "/e", "/f"],
      },
      { kind: "request", opcode: OpCode.ping, operation: "ping", xid: -2, path: undefined, paths: [] },
    ]);
  });

  test("matches each reply with its request, past those that have none", () => {
    const conversation = open();
    conversation.toServer(request(1, "create", create("/unanswered")));
    conversation.toServer(request(2, "delete", { path: "/b", version: -1 }));
    conversation.toServer(request(-2, "ping", {}));
    conversation.toServer(request(3, "create", create("/c")));
    const frames = [reply(2, 11, ErrorCode.NoNode), reply(-2), event("/w"), reply(3, 12), reply(4)].map(
      (bytes) => conversation.toClient(bytes)[0]?.frame,
    );
    expect(frames.slice(0, 4)).toMatchObject([
      { kind: "reply", operation: "delete", path: "/b", xid: 2, zxid: 11, err: ErrorCode.NoNode },
      { kind: "reply", operation: "ping", xid: -2 },
      { kind: "event", event: "nodeDeleted", path: "/w", zxid: 9 },
      { kind: "reply", operation: "create", path: "/c", xid: 3, zxid: 12, err: 0 },
    ]);
    expect(frames[4]).toBeUndefined();
  });

  test("gives back the same bytes, however they are cut", () => {
    const requests = Buffer.concat([
      hello(),
      request(1, "create", create("/a")),
      request(2, "getData", { path: "/a", watch: true }),
      request(-2, "ping", {}),
    ]);
    const replies = Buffer.concat([welcome(5n), reply(1), event("/a"), reply(2), reply(-2)]);
    for (let seed = 1; seed <= 100; seed++) {
      const random = seededRandom(seed);
      const conversation = new Conversation();
      const there = cut(requests, random.below).flatMap((chunk) => conversation.toServer(chunk));
      const back = cut(replies, random.below).flatMap((chunk) => conversation.toClient(chunk));
      expect(Buffer.concat(there.map(({ bytes }) => bytes))).toEqual(requests);
      expect(Buffer.concat(back.map(({ bytes }) => bytes))).toEqual(replies);
      expect(there.map(({ frame }) => frame?.operation)).toEqual(["createSession", "create", "getData", "ping"]);
      expect(back.map(({ frame }) => frame?.kind)).toEqual(["reply", "reply", "event", "reply", "reply"]);
    }
  });

  test("keeps an unfinished frame until its rest comes, or gives it out at the end", () => {
    const conversation = open();
    const whole = request(1, "create", create("/a"));
    expect(conversation.toServer(whole.subarray(0, 10))).toEqual([]);
    expect(conversation.unfinishedToServer()).toEqual(whole.subarray(0, 10));
    expect(conversation.toServer(whole.subarray(10))).toHaveLength(1);
    expect(conversation.unfinishedToServer()).toHaveLength(0);
  });

  test.each([
    ["a four-letter word", Buffer.from("ruok")],
    ["TLS", Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])],
    ["a negative length", Buffer.from([255, 255, 255, 255, 1])],
  ])("passes %s as it is, and all that follows", (_what, first) => {
    const conversation = new Conversation();
    expect(conversation.toServer(first)).toEqual([{ bytes: first, frame: undefined }]);
    const more = hello();
    expect(conversation.toServer(more)).toEqual([{ bytes: more, frame: undefined }]);
    const answer = Buffer.from("imok");
    expect(conversation.toClient(answer)).toEqual([{ bytes: answer, frame: undefined }]);
    expect(conversation.unfinishedToServer()).toHaveLength(0);
    expect(conversation.unfinishedToClient()).toHaveLength(0);
  });

  test("passes frames that make no sense without a description, and understands the next", () => {
    const conversation = open();
    const short = framed((w) => w.raw(Buffer.from("abc")));
    expect(conversation.toServer(short)).toEqual([{ bytes: short, frame: undefined }]);
    const unknown = framed((w) => requestHeaderCodec.write(w, { xid: 4, type: 999 }));
    expect(conversation.toServer(unknown)[0]?.frame).toMatchObject({ opcode: 999, operation: undefined, xid: 4 });
    const cutShort = framed((w) => requestHeaderCodec.write(w, { xid: 5, type: OpCode.create }));
    expect(conversation.toServer(cutShort)[0]?.frame).toMatchObject({ operation: "create", paths: [] });
    expect(conversation.toClient(short)).toEqual([{ bytes: short, frame: undefined }]);
    expect(conversation.toClient(reply(5))[0]?.frame).toMatchObject({ operation: "create", xid: 5 });
  });
});

function cut(bytes: Buffer, below: (limit: number) => number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + below(40);
    chunks.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return chunks;
}
