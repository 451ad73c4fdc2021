import { DecodeError } from "@corral/protocol";
import { Encoder } from "@msgpack/msgpack";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PackedReader } from "./packed-reader.ts";

const encoder = new Encoder({ useBigInt64: true });

type Item =
  | { readonly kind: "list"; readonly value: readonly Item[] }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "bytes"; readonly value: Uint8Array | null }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "scalar"; readonly value: null | string | number | bigint };

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.integer({ min: -200, max: 300 }),
);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary", maxLength: 300, size: "max" }),
  // As long as decoders have a way of their own for, and with what some of them take for a mark of how it is encoded.
  fc.string({ minLength: 150, maxLength: 300, size: "max" }).map((rest) => `\uFEFF${rest}`),
);
const leaf: fc.Arbitrary<Item> = fc.oneof(
  number.map((value): Item => ({ kind: "number", value })),
  fc.option(fc.uint8Array({ maxLength: 300, size: "max" })).map((value): Item => ({ kind: "bytes", value })),
  text.map((value): Item => ({ kind: "text", value })),
  fc
    .oneof(fc.constant(null), text, number, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }))
    .map((value): Item => ({ kind: "scalar", value })),
);
/** What needs more than two bytes for its length, or nearly; in no list, for it takes its time. */
const long = fc.oneof(
  fc.constantFrom("a".repeat(65_536), "/é/".repeat(30_000)).map((value): Item => ({ kind: "text", value })),
  fc
    .constantFrom(65_535, 65_536, 70_000)
    .map((length): Item => ({ kind: "bytes", value: Buffer.alloc(length, length) })),
);
const item = fc.oneof(
  { weight: 4, arbitrary: leaf },
  { weight: 1, arbitrary: long },
  {
    weight: 4,
    arbitrary: fc.array(leaf, { maxLength: 40, size: "max" }).map((value): Item => ({ kind: "list", value })),
  },
);

const plain = (value: Item): unknown => (value.kind === "list" ? value.value.map(plain) : value.value);

function readBack(reader: PackedReader, like: Item): unknown {
  switch (like.kind) {
    case "list":
      expect(reader.isAtList).toBe(true);
      return Array.from({ length: reader.list() }, (_, i) => readBack(reader, like.value[i] as Item));
    case "number":
      return reader.number();
    case "bytes":
      return reader.nullableBytes();
    case "text":
      return reader.text();
    case "scalar":
      return reader.scalar();
  }
}

/** Numbers of the library's have no minus zero among the whole ones, and bytes are a Buffer here. */
const comparable = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(comparable)
    : value instanceof Uint8Array
      ? { bytes: Buffer.from(value).toString("latin1") }
      : value === 0
        ? 0
        : value;

test("what the library has written is read back, item by item", () => {
  fc.assert(
    fc.property(item, (written) => {
      const reader = new PackedReader(encoder.encode(plain(written)));
      expect(comparable(readBack(reader, written))).toEqual(comparable(plain(written)));
      expect(reader.isAtEnd).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("what breaks off anywhere is refused", () => {
  const written: Item = {
    kind: "list",
    value: [
      { kind: "text", value: "/a/path/of/more/than/thirty-two/bytes" },
      { kind: "bytes", value: new Uint8Array(300) },
      { kind: "number", value: 2 ** 40 },
      { kind: "number", value: -70_000 },
      { kind: "scalar", value: 2n ** 60n },
    ],
  };
  const bytes = encoder.encode(plain(written));
  for (let length = 1; length < bytes.length; length++) {
    expect(() => readBack(new PackedReader(bytes.subarray(0, length)), written), `${length} bytes`).toThrow(
      DecodeError,
    );
  }
});

test("any bytes are something or refused, whatever is asked for", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40, size: "max" }), (bytes) => {
      for (const ask of [
        (r: PackedReader) => r.list(),
        (r: PackedReader) => r.number(),
        (r: PackedReader) => r.nullableBytes(),
        (r: PackedReader) => r.text(),
        (r: PackedReader) => r.scalar(),
      ]) {
        const reader = new PackedReader(bytes);
        try {
          while (!reader.isAtEnd) ask(reader);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }
    }),
    { numRuns: 500 },
  );
});
