import fc from "fast-check";
import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

test("text is UTF-8 with its length, short or long, plain or not, from its beginning or from within", () => {
  const text = fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: "binary", maxLength: 100 }));
  fc.assert(
    fc.property(text, fc.nat(), fc.nat(40), (value, at, before) => {
      const from = value.length === 0 ? 0 : at % value.length;
      const part = value.slice(from);
      const writer = new Writer();
      writer.raw(Buffer.alloc(before));
      writer.string(value, from);
      writer.int(7);
      const bytes = writer.take();
      const utf8 = Buffer.from(part, "utf8");
      expect(bytes.readInt32BE(before)).toBe(utf8.length);
      expect(bytes.subarray(before + 4, -4).equals(utf8)).toBe(true);
      expect(new Reader(bytes, bytes.length - 4).int()).toBe(7);
    }),
  );
});

test("a part of a buffer is written as its bytes, short or long", () => {
  const bounds = fc.tuple(fc.nat(600), fc.nat(600));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 600, maxLength: 600 }), bounds, (bytes, [one, other]) => {
      const source = Buffer.from(bytes);
      const [start, end] = [Math.min(one, other), Math.max(one, other)];
      const writer = new Writer();
      writer.int(7);
      writer.part(source, start, end);
      writer.int(8);
      const written = writer.take();
      expect(written.subarray(4, -4).equals(source.subarray(start, end))).toBe(true);
      expect(written.readInt32BE(written.length - 4)).toBe(8);
    }),
  );
});

test("longs that stand side by side are written as one by one", () => {
  const long = fc.oneof(fc.maxSafeInteger(), fc.integer());
  fc.assert(
    fc.property(fc.array(long), fc.nat(), (values, at) => {
      const from = values.length === 0 ? 0 : at % values.length;
      const [together, single] = [new Writer(), new Writer()];
      together.longs(Float64Array.from(values), from, values.length - from);
      for (const value of values.slice(from)) single.long(value);
      expect(together.take().equals(single.take())).toBe(true);
    }),
  );
  expect(() => new Writer().longs(Float64Array.of(2 ** 53), 0, 1)).toThrow("safe integer");
});
