import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";

test("is the checksum that gzip has, whatever the length, and goes on from any start", () => {
  expect(crc32(Buffer.from("123456789"))).toBe(0xcbf4_3926);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), fc.nat(0xffff_ffff), (bytes, start) => {
      expect(crc32(bytes, start)).toBe(zlibCrc32(bytes, start));
    }),
  );
});
