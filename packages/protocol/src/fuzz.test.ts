/**
 * Whatever bytes arrive, a decoder gives a record or one of the two errors made for that, never another error, never
 * more than the bytes can stand for. FUZZ_RUNS=100000 makes a long search of it.
 */
import { DecodeError, FrameDecoder, FrameLengthError, Reader, Writer } from "@corral/protocol";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { type CodecCase, codecCases, runs, runsTimeoutMs } from "../test-support/arbitraries.ts";

vi.setConfig({ testTimeout: runsTimeoutMs });

/** Lengths and counts that lie in wait. */
const ints = fc.constantFrom(-(2 ** 31), -2, -1, 0, 1, 0x7fff, 0xfffff, 0x100000, 2 ** 31 - 1);

type Mutation = (bytes: Buffer) => Buffer;
const place = fc.nat({ max: 200 });
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat({ max: 255 })).map(([at, value]) => (bytes: Buffer) => {
    if (bytes.length > 0) bytes[at % bytes.length] = value;
    return bytes;
  }),
  fc.tuple(place, ints).map(([at, value]) => (bytes: Buffer) => {
    if (bytes.length >= 4) bytes.writeInt32BE(value, at % (bytes.length - 3));
    return bytes;
  }),
  place.map((at) => (bytes: Buffer) => bytes.subarray(0, at % (bytes.length + 1))),
  fc.tuple(place, fc.uint8Array({ maxLength: 12 })).map(([at, inserted]) => (bytes: Buffer) => {
    const cut = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, cut), inserted, bytes.subarray(cut)]);
  }),
  fc.tuple(place, place).map(([from, to]) => (bytes: Buffer) => {
    const repeated = bytes.subarray(from % (bytes.length + 1), to % (bytes.length + 1));
    return Buffer.concat([bytes, repeated]);
  }),
);

/** How much a decoded value holds: items, bytes and characters. */
function weight(value: unknown): number {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + 1 + weight(item), 0);
  if (typeof value === "object" && value !== null) return weight(Object.values(value)) - Object.keys(value).length;
  return 0;
}

function decodeAnything({ codec }: CodecCase, bytes: Buffer): void {
  const reader = new Reader(bytes);
  let value: unknown;
  try {
    value = codec.read(reader);
  } catch (error) {
    if (error instanceof DecodeError) return;
    throw error;
  }
  expect(weight(value)).toBeLessThanOrEqual(bytes.length);
  // What was understood can be said again. Not always in the same bytes: true may come as 2, text may be no UTF-8.
  const writer = new Writer();
  codec.write(writer, value);
  expect(codec.read(new Reader(writer.take()))).toStrictEqual(value);
}

describe.each(codecCases)("$name", (codecCase) => {
  test("random bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      // Small numbers pass more length checks than random ones, and so get further.
      fc.array(fc.nat({ max: 3 }), { maxLength: 200 }).map((items) => Uint8Array.from(items)),
    );
    fc.assert(
      fc.property(bytes, (value) => decodeAnything(codecCase, Buffer.from(value))),
      runs,
    );
  });

  test("valid bytes with something changed", () => {
    fc.assert(
      fc.property(codecCase.values, fc.array(mutation, { minLength: 1, maxLength: 4 }), (value, mutations) => {
        const writer = new Writer();
        codecCase.codec.write(writer, value);
        decodeAnything(
          codecCase,
          mutations.reduce<Buffer>((bytes, mutate) => mutate(bytes), Buffer.from(writer.take())),
        );
      }),
      runs,
    );
  });
});

test("a stream of anything gives frames or a FrameLengthError", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), ints.map(int4)), { maxLength: 20 }), (chunks) => {
      const decoder = new FrameDecoder({ maxFrameBytes: 64 });
      try {
        for (const chunk of chunks) {
          decoder.push(Buffer.from(chunk));
          for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
            expect(frame.length).toBeLessThanOrEqual(64);
          }
          expect(decoder.pendingBytes).toBeLessThan(4 + 64);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(FrameLengthError);
      }
    }),
    runs,
  );
});

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

test("a count of 2^31 − 1 allocates nothing", () => {
  const many = int4(2 ** 31 - 1);
  const bodies = [
    many,
    Buffer.concat([int4(0), many]),
    Buffer.concat([int4(0), int4(0), many]),
    Buffer.concat([Buffer.alloc(8), many, Buffer.alloc(64)]),
  ];
  const before = process.memoryUsage();
  for (let i = 0; i < 100; i++)
    for (const codecCase of codecCases) for (const body of bodies) decodeAnything(codecCase, body);
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(32 * 2 ** 20);
  expect(after.heapTotal - before.heapTotal).toBeLessThan(64 * 2 ** 20);
});
