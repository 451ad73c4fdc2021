import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32, crc32StartOf } from "./crc32.ts";

test("is the checksum that gzip has, whatever the length, and goes on from any start", () => {
  expect(crc32(Buffer.from("123456789"))).toBe(0xcbf4_3926);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), fc.nat(0xffff_ffff), (bytes, start) => {
      expect(crc32(bytes, start)).toBe(zlibCrc32(bytes, start));
    }),
  );
});

test("runs backwards", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200, size: "max" }),
      fc.nat(0xffff_ffff),
      fc.nat(5),
      (bytes, start, from) => {
        expect(crc32StartOf(crc32(bytes, start, from), bytes, from)).toBe(start);
      },
    ),
  );
});
