import { expect, test } from "vitest";
import { gzipCompression } from "./compression.ts";

test("what was compressed comes back", async () => {
  const text = Buffer.from("coordination ".repeat(1_000));
  const compressed = await gzipCompression.compress(text);
  expect(compressed.length).toBeLessThan(text.length / 10);
  expect(gzipCompression.recognises(compressed)).toBe(true);
  expect(await gzipCompression.decompress(compressed, text.length)).toEqual(text);
  const nothing = await gzipCompression.compress(new Uint8Array(0));
  expect(await gzipCompression.decompress(nothing, 10)).toEqual(Buffer.alloc(0));
});

test("what is no such thing, or too much, is refused", async () => {
  expect(gzipCompression.recognises(Buffer.from("plain"))).toBe(false);
  expect(gzipCompression.recognises(new Uint8Array(0))).toBe(false);
  await expect(gzipCompression.decompress(Buffer.from("plain"), 100)).rejects.toThrow();
  const compressed = await gzipCompression.compress(Buffer.alloc(100_000));
  await expect(gzipCompression.decompress(compressed.subarray(0, 20), 100_000)).rejects.toThrow();
  await expect(gzipCompression.decompress(compressed, 99_999)).rejects.toThrow();
});
