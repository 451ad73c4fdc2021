import type { ByteStream, StreamHandler } from "@corral/io";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeReply } from "../test-helpers/scripted-server.ts";
import { Connection, type ConnectionHandler } from "./connection.ts";
import type { LinkFailure, ReceivedFrame } from "./session-types.ts";

/** A connection on a stream that a test feeds by hand. */
function open() {
  let handler: StreamHandler | undefined;
  const stream: ByteStream = {
    remote: { host: "test", port: 1 },
    attach: (attached) => {
      handler = attached;
    },
    write() {},
    unsentBytes: 0,
    pauseReading() {},
    end() {},
    destroy() {},
  };
  const frames: ReceivedFrame[] = [];
  const failures: LinkFailure[] = [];
  const connectionHandler: ConnectionHandler = {
    onFrames: (received) => frames.push(...received),
    onBroken: (failure) => failures.push(failure),
    beforeWrite() {},
  };
  const connection = new Connection(stream, connectionHandler, 1_000_000);
  return { connection, frames, failures, feed: (bytes: Buffer) => handler?.onData(bytes) };
}

const handshake = Buffer.from(`00000025000000000000232800000000000000010000001000${"00".repeat(15)}00`, "hex");

test("frames come out whole however the stream was cut", () => {
  const event = encodeReply(-1, -1, 0, (writer) => {
    writer.int(3);
    writer.int(3);
    writer.string("/a");
  });
  const bytes = Buffer.concat([handshake, encodeReply(1, 7, -101), event, encodeReply(-2, 8, 0)]);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 10 }), (cuts) => {
      const { frames, failures, feed } = open();
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      for (let i = 1; i < at.length; i++) feed(Buffer.from(bytes.subarray(at[i - 1], at[i])));
      expect(failures).toEqual([]);
      expect(frames.map(({ type }) => type)).toEqual(["handshake", "reply", "event", "reply"]);
      expect(frames[0]).toMatchObject({ response: { timeOut: 9_000, sessionId: 1n, readOnly: false } });
      expect(frames[1]).toMatchObject({ header: { xid: 1, zxid: 7, err: -101 } });
      expect(frames[2]).toMatchObject({ event: { type: 3, path: "/a" } });
    }),
  );
});

test("a handshake without the last byte, as servers from before 3.4 send it", () => {
  const { frames, feed } = open();
  const old = Buffer.from(handshake.subarray(0, -1));
  old.writeInt32BE(36, 0);
  feed(old);
  expect(frames[0]).toMatchObject({ response: { sessionId: 1n, readOnly: undefined } });
});

test("any bytes give frames or one failure, and after it nothing is asked of them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 60, size: "max" }), { maxLength: 6 }),
      fc.boolean(),
      (chunks, shaken) => {
        const { connection, failures, feed } = open();
        if (shaken) feed(Buffer.from(handshake));
        for (const chunk of chunks) {
          feed(Buffer.from(chunk));
          if (failures.length > 0) connection.destroy();
        }
        expect(failures.length).toBeLessThanOrEqual(1);
        for (const failure of failures) expect(failure.kind).toBe("malformed");
      },
    ),
  );
});

test("frames before the bytes that are none still count", () => {
  const { frames, failures, feed } = open();
  feed(Buffer.concat([handshake, encodeReply(1, 7, 0), Buffer.from("ffffffff", "hex")]));
  expect(frames.length).toBe(2);
  expect(failures).toMatchObject([{ kind: "malformed" }]);
});

test("§6.12 an answer that is too long is left out, and told with its length; what follows it is whole", () => {
  const long = encodeReply(1, 7, 0, (writer) => writer.buffer(Buffer.alloc(1_500_000)));
  const bytes = Buffer.concat([handshake, long, encodeReply(2, 8, -101)]);
  for (const size of [bytes.length, 40_000, 999_999]) {
    const { frames, failures, feed } = open();
    for (let at = 0; at < bytes.length; at += size) feed(Buffer.from(bytes.subarray(at, at + size)));
    expect(failures).toEqual([]);
    expect(frames.slice(1)).toMatchObject([
      { type: "reply", header: { xid: 1, zxid: 7, err: 0 }, tooLong: long.length - 4 },
      { type: "reply", header: { xid: 2, zxid: 8, err: -101 } },
    ]);
  }
});

test.each<[string, Buffer, RegExp]>([
  ["TLS", Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]), /TLS.*tls/],
  ["HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n"), /HTTP.*port/],
  ["a handshake that is none", Buffer.from([0x00, 0x20, 0x00, 0x00]), /2097152 bytes.*1000000.*responseBytesMax/],
])("bytes that are no frame are explained: %s", (_, bytes, told) => {
  const { failures, feed } = open();
  feed(bytes);
  expect(failures).toMatchObject([{ kind: "malformed", error: { message: expect.stringMatching(told) } }]);
});
