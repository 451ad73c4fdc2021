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
