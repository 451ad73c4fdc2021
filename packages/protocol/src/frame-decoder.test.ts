/** However a stream is cut into chunks, the same frames come out, and no byte is reserved that did not arrive. */
import { FrameDecoder, FrameLengthError } from "@corral/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runs } from "../test-support/arbitraries.ts";

const maxFrameBytes = 1_048_575;

function frame(payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + payload.length);
  bytes.writeInt32BE(payload.length);
  bytes.set(payload, 4);
  return bytes;
}

function lengthField(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

/** Everything that can be had now. */
function drain(decoder: FrameDecoder): Buffer[] {
  const payloads: Buffer[] = [];
  for (let next = decoder.next(); next !== undefined; next = decoder.next()) payloads.push(next);
  return payloads;
}

/** Cuts `bytes` at the given places (taken modulo the length). Each chunk has memory of its own, as from a socket. */
function chunks(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => Buffer.from(bytes.subarray(places[i], end)));
}

test("any chunking gives the same frames, and none is overwritten by what comes later", () => {
  const payload = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 1000, maxLength: 5000 }));
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 40 }), (payloads, cuts) => {
      const decoder = new FrameDecoder({ maxFrameBytes });
      const stream = Buffer.concat(payloads.map(frame));
      const decoded = chunks(stream, cuts).flatMap((chunk) => {
        decoder.push(chunk);
        return drain(decoder);
      });
      expect(decoded.length).toBe(payloads.length);
      expect(decoded.every((bytes, i) => bytes.equals(payloads[i]!))).toBe(true);
      expect(decoder.pendingBytes).toBe(0);
    }),
    runs,
  );
});

test("frames may also be fetched later than their bytes come", () => {
  const payloads = Array.from({ length: 50 }, (_, i) => Buffer.alloc(i * 7, i));
  const decoder = new FrameDecoder({ maxFrameBytes });
  const stream = Buffer.concat(payloads.map(frame));
  const decoded: Buffer[] = [];
  for (let at = 0; at < stream.length; at += 13) {
    decoder.push(stream.subarray(at, at + 13));
    if (at % 3 === 0) {
      const next = decoder.next();
      if (next !== undefined) decoded.push(next);
    }
  }
  expect([...decoded, ...drain(decoder)]).toEqual(payloads);
});

test("byte by byte, with what is not decoded yet in sight", () => {
  const decoder = new FrameDecoder({ maxFrameBytes });
  const stream = frame(Buffer.from("hello"));
  for (let i = 0; i < stream.length; i++) {
    expect(decoder.next()).toBeUndefined();
    expect(decoder.peek()).toEqual(stream.subarray(0, i));
    decoder.push(stream.subarray(i, i + 1));
    expect(decoder.pendingBytes).toBe(i + 1);
  }
  expect(decoder.next()).toEqual(Buffer.from("hello"));
  expect(decoder.peek()).toHaveLength(0);
});

test("a frame within one chunk is a view of it, not a copy", () => {
  const decoder = new FrameDecoder({ maxFrameBytes });
  const chunk = frame(Buffer.from("hello"));
  decoder.push(chunk);
  expect(decoder.next()?.buffer).toBe(chunk.buffer);
});

test("a chunk that is used up is let go of", () => {
  const decoder = new FrameDecoder({ maxFrameBytes });
  const whole = frame(Buffer.from("hello"));
  for (const chunk of [whole, Buffer.concat([whole, whole.subarray(0, 7)]), whole.subarray(7)]) {
    decoder.push(chunk);
    expect(decoder.next()).toEqual(Buffer.from("hello"));
    expect(decoder.next()).toBeUndefined();
    if (decoder.pendingBytes === 0) expect(decoder.peek().buffer).not.toBe(chunk.buffer);
  }
  decoder.push(lengthField(maxFrameBytes + 1));
  const long = Buffer.alloc(100, 1);
  decoder.push(long);
  expect(() => decoder.next()).toThrow(FrameLengthError);
  expect(decoder.nextBeginning(4)).toHaveLength(4);
  expect(decoder.peek().buffer).not.toBe(long.buffer);
});

test("an empty frame is a frame", () => {
  const decoder = new FrameDecoder({ maxFrameBytes });
  decoder.push(lengthField(0));
  expect(decoder.next()).toEqual(Buffer.alloc(0));
  expect(decoder.next()).toBeUndefined();
});

describe("lengths", () => {
  test("the longest allowed passes", () => {
    const decoder = new FrameDecoder({ maxFrameBytes });
    decoder.push(frame(Buffer.alloc(maxFrameBytes, 1)));
    expect(decoder.next()).toHaveLength(maxFrameBytes);
  });

  test.each([-1, -(2 ** 31), maxFrameBytes + 1, 2 ** 31 - 1])("%i is refused as soon as it is read", (length) => {
    const decoder = new FrameDecoder({ maxFrameBytes });
    decoder.push(Buffer.concat([frame(Buffer.from("ok")), lengthField(length)]));
    expect(decoder.next()).toEqual(Buffer.from("ok"));
    expect(() => decoder.next()).toThrow(FrameLengthError);
    // There is no way on from here: a stream whose frames are lost stays refused.
    expect(() => decoder.next()).toThrow(new RegExp(`A frame of ${length} bytes`));
  });
});

test("of a frame that is too long the beginning can be had, and the next one is whole, however the stream was cut", () => {
  const long = Buffer.from(Array.from({ length: maxFrameBytes + 50 }, (_, at) => at & 0xff));
  const stream = Buffer.concat([frame(Buffer.from("before")), frame(long), frame(Buffer.from("after"))]);
  for (const size of [1, 3, 1_000, 70_000, stream.length]) {
    const decoder = new FrameDecoder({ maxFrameBytes });
    const decoded: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      decoder.push(stream.subarray(at, at + size));
      for (;;) {
        let next: Buffer | undefined;
        try {
          next = decoder.next();
        } catch (error) {
          expect(error).toBeInstanceOf(FrameLengthError);
          next = decoder.nextBeginning(4);
        }
        if (next === undefined) break;
        decoded.push(next.toString("latin1"));
      }
    }
    expect(decoded, `in pieces of ${size}`).toEqual(["before", "\0\x01\x02\x03", "after"]);
  }
});

test("memory grows with what arrives, not with what is announced", () => {
  const decoders = Array.from({ length: 1000 }, () => new FrameDecoder({ maxFrameBytes }));
  const before = process.memoryUsage().arrayBuffers;
  for (const decoder of decoders) {
    decoder.push(lengthField(maxFrameBytes));
    decoder.push(Buffer.from("x"));
    expect(decoder.next()).toBeUndefined();
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
});
