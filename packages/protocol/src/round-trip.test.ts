/** Every record survives the wire: written and read back it is the same, and exactly its own bytes are used. */
import { type Codec, operations, Reader, Writer } from "@corral/protocol";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { codecCases, runs, runsTimeoutMs } from "../test-support/arbitraries.ts";

vi.setConfig({ testTimeout: runsTimeoutMs });

function encode<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.take();
}

const byCodec = new Map(codecCases.map((codecCase) => [codecCase.codec, codecCase]));

describe("every exported codec", () => {
  test("there are codecs", () => expect(codecCases.length).toBeGreaterThan(50));

  test.each(codecCases)("$name has an arbitrary in test-support/arbitraries.ts", ({ values }) => {
    expect(values).toBeDefined();
  });

  test.each(codecCases)("$name reads back what it wrote", ({ codec, values }) => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encode(codec, value);
        const reader = new Reader(bytes);
        expect(codec.read(reader)).toStrictEqual(value);
        expect(reader.remaining).toBe(0);
        expect(encode(codec, codec.read(new Reader(bytes))).equals(bytes)).toBe(true);
      }),
      runs,
    );
  });

  // The handshake's last byte may be missing, so what follows is taken for it; nothing ever follows.
  const selfContained = codecCases.filter(({ name }) => !/^connect(Request|Response)/.test(name));
  test.each(selfContained)("$name leaves the bytes that follow alone", ({ codec, values }) => {
    fc.assert(
      fc.property(values, fc.uint8Array({ maxLength: 20 }), (value, after) => {
        const bytes = encode(codec, value);
        const reader = new Reader(Buffer.concat([Buffer.from("xx"), bytes, after]), 2);
        expect(codec.read(reader)).toStrictEqual(value);
        expect(reader.remaining).toBe(after.length);
      }),
      runs,
    );
  });
});

describe("every operation", () => {
  test.each(Object.entries(operations))("%s: request and response are covered above", (_, { request, response }) => {
    expect(byCodec.has(request)).toBe(true);
    expect(byCodec.has(response)).toBe(true);
  });
});
