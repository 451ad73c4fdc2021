/** Bytes as other implementations send them, written by hand from the protocol's description; compared in both directions. */
import {
  type Codec,
  CreateMode,
  connectRequestCodec,
  ErrorCode,
  FrameDecoder,
  multiHeaderCodec,
  multiRequestCodec,
  multiResponseCodec,
  OpCode,
  openAcl,
  operations,
  Reader,
  replyHeaderCodec,
  requestHeaderCodec,
  SpecialXid,
  WatchEventState,
  WatchEventType,
  Writer,
  watcherEventCodec,
} from "@corral/protocol";
import { expect, test } from "vitest";

/** One part of a frame: what it holds, how that is written, and how it is read. */
interface Part {
  readonly value: unknown;
  write(writer: Writer): void;
  read(reader: Reader): unknown;
}

function part<T>(codec: Codec<T>, value: T): Part {
  return { value, write: (writer) => codec.write(writer, value), read: (reader) => codec.read(reader) };
}

interface Golden {
  readonly what: string;
  readonly hex: string;
  /** The frame's payload, part by part. */
  readonly parts: readonly Part[];
}

const noPassword = "00".repeat(16);
const stat = {
  czxid: 2,
  mzxid: 3,
  ctime: 1_700_000_000_000,
  mtime: 1_700_000_000_001,
  version: 1,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: -2n,
  dataLength: 2,
  numChildren: 0,
  pzxid: 2,
};
const statHex = [
  "0000000000000002 0000000000000003 0000018bcfe56800 0000018bcfe56801",
  "00000001 00000000 00000000 fffffffffffffffe 00000002 00000000 0000000000000002",
].join("");

const frames: readonly Golden[] = [
  {
    what: "a connect request for a new session with 30 s",
    hex: `0000002d 00000000 0000000000000000 00007530 0000000000000000 00000010 ${noPassword} 00`,
    parts: [
      part(connectRequestCodec, {
        protocolVersion: 0,
        lastZxidSeen: 0,
        timeOut: 30_000,
        sessionId: 0n,
        passwd: Buffer.alloc(16),
        readOnly: false,
      }),
    ],
  },
  {
    what: "the same from a client that does not know read-only servers",
    hex: `0000002c 00000000 0000000000000000 00007530 0000000000000000 00000010 ${noPassword}`,
    parts: [
      part(connectRequestCodec, {
        protocolVersion: 0,
        lastZxidSeen: 0,
        timeOut: 30_000,
        sessionId: 0n,
        passwd: Buffer.alloc(16),
        readOnly: undefined,
      }),
    ],
  },
  {
    what: "a ping",
    hex: "00000008 fffffffe 0000000b",
    parts: [part(requestHeaderCodec, { xid: SpecialXid.ping, type: OpCode.ping }), part(operations.ping.request, {})],
  },
  {
    what: "create /a with 'hi', open to all, ephemeral",
    hex:
      "00000033 00000001 00000001 00000002 2f61 00000002 6869 " +
      "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000001",
    parts: [
      part(requestHeaderCodec, { xid: 1, type: OpCode.create }),
      part(operations.create.request, {
        path: "/a",
        data: Buffer.from("hi"),
        acl: openAcl,
        flags: CreateMode.ephemeral,
      }),
    ],
  },
  {
    what: "the event that /a was created",
    hex: "0000001e ffffffff ffffffffffffffff 00000000 00000001 00000003 00000002 2f61",
    parts: [
      part(replyHeaderCodec, { xid: SpecialXid.notification, zxid: -1, err: ErrorCode.Ok }),
      part(watcherEventCodec, {
        type: WatchEventType.nodeCreated,
        state: WatchEventState.syncConnected,
        path: "/a",
      }),
    ],
  },
  {
    what: "closeSession",
    hex: "00000008 00000002 fffffff5",
    parts: [part(requestHeaderCodec, { xid: 2, type: OpCode.closeSession }), part(operations.closeSession.request, {})],
  },
  {
    what: "auth as bob with password pw",
    hex: "00000020 fffffffc 00000064 00000000 00000006 646967657374 00000006 626f623a7077",
    parts: [
      part(requestHeaderCodec, { xid: SpecialXid.auth, type: OpCode.auth }),
      part(operations.auth.request, { type: 0, scheme: "digest", auth: Buffer.from("bob:pw") }),
    ],
  },
  {
    what: "a multi that sets /a and checks that /b exists",
    hex:
      "0000003b 00000003 0000000e 00000005 00 ffffffff 00000002 2f61 ffffffff 00000000 " +
      "0000000d 00 ffffffff 00000002 2f62 ffffffff ffffffff 01 ffffffff",
    parts: [
      part(requestHeaderCodec, { xid: 3, type: OpCode.multi }),
      part(multiRequestCodec, [
        { type: OpCode.setData, path: "/a", data: null, version: 0 },
        { type: OpCode.check, path: "/b", version: -1 },
      ]),
    ],
  },
  {
    what: "the answer to a multi whose second operation found no node",
    hex:
      "00000040 00000003 0000000100000005 00000000 ffffffff 00 00000000 00000000 " +
      "ffffffff 00 ffffff9b ffffff9b ffffffff 00 fffffffe fffffffe ffffffff 01 ffffffff",
    parts: [
      part(replyHeaderCodec, { xid: 3, zxid: 2 ** 32 + 5, err: 0 }),
      part(multiResponseCodec, [
        { type: OpCode.error, err: ErrorCode.Ok },
        { type: OpCode.error, err: ErrorCode.NoNode },
        { type: OpCode.error, err: ErrorCode.RuntimeInconsistency },
      ]),
    ],
  },
  {
    what: "the answer to getData of an ephemeral, its session id negative",
    hex: `0000005a 00000004 0000000000000003 00000000 00000002 6869 ${statHex}`,
    parts: [
      part(replyHeaderCodec, { xid: 4, zxid: 3, err: 0 }),
      part(operations.getData.response, { data: Buffer.from("hi"), stat }),
    ],
  },
  {
    what: "the answer to getChildren2",
    hex: `00000062 00000005 0000000000000003 00000000 00000002 00000001 78 00000001 79 ${statHex}`,
    parts: [
      part(replyHeaderCodec, { xid: 5, zxid: 3, err: 0 }),
      part(operations.getChildren2.response, { children: ["x", "y"], stat }),
    ],
  },
];

test.each(frames)("$what is written so", ({ hex, parts }) => {
  const writer = new Writer();
  const mark = writer.beginFrame();
  for (const { write } of parts) write(writer);
  writer.endFrame(mark);
  expect(writer.take().toString("hex")).toBe(hex.replaceAll(" ", ""));
});

test.each(frames)("$what is read so", ({ hex, parts }) => {
  const decoder = new FrameDecoder({ maxFrameBytes: 1_048_575 });
  decoder.push(Buffer.from(hex.replaceAll(" ", ""), "hex"));
  const reader = new Reader(decoder.next() ?? Buffer.alloc(0));
  for (const { read, value } of parts) expect(read(reader)).toStrictEqual(value);
  expect(reader.remaining).toBe(0);
  expect(decoder.next()).toBeUndefined();
});

test("a multi ends with a header of its own", () => {
  const writer = new Writer();
  multiRequestCodec.write(writer, []);
  const bytes = writer.take();
  expect(bytes.toString("hex")).toBe("ffffffff01ffffffff");
  expect(multiHeaderCodec.read(new Reader(bytes))).toEqual({ type: -1, done: true, err: -1 });
  expect(multiRequestCodec.read(new Reader(bytes))).toEqual([]);
});

test("null data and no data are two things", () => {
  const writer = new Writer();
  writer.buffer(null);
  writer.buffer(new Uint8Array(0));
  const bytes = writer.take();
  expect(bytes.toString("hex")).toBe("ffffffff00000000");
  const reader = new Reader(bytes);
  expect(reader.buffer()).toBeNull();
  expect(reader.buffer()).toEqual(Buffer.alloc(0));
});
