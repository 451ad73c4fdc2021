import { isCoordinationError } from "@corral/client";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CounterFormat, decodeCounter, encodeCounter } from "./formats.ts";

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const int32 = fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n });
const decimal = fc.bigInt({ min: -(10n ** 200n), max: 10n ** 200n });

test.each([
  ["int64", int64],
  ["int32", int32],
  ["decimal", decimal],
] as const)("%s: what is written is read", (format, values) => {
  fc.assert(
    fc.property(values, (value) => {
      expect(decodeCounter(format, encodeCounter(format, value), "/c")).toBe(value);
    }),
  );
});

test("the bytes are Curator's and kazoo's", () => {
  expect(encodeCounter("int64", 258n).toString("hex")).toBe("0000000000000102");
  expect(encodeCounter("int64", -2n).toString("hex")).toBe("fffffffffffffffe");
  expect(encodeCounter("int32", 258n).toString("hex")).toBe("00000102");
  expect(encodeCounter("decimal", -12n).toString()).toBe("-12");
});

test("no data is no value yet", () => {
  for (const format of ["int64", "int32", "decimal"] as const) {
    expect(decodeCounter(format, null, "/c")).toBeUndefined();
    expect(decodeCounter(format, Buffer.alloc(0), "/c")).toBeUndefined();
  }
});

test("a counter does not wrap around", () => {
  expect(() => encodeCounter("int64", 2n ** 63n)).toThrow(RangeError);
  expect(() => encodeCounter("int32", -(2n ** 31n) - 1n)).toThrow(RangeError);
  expect(() => encodeCounter("decimal", 10n ** 1_000n)).toThrow(RangeError);
});

test.each<[CounterFormat, string]>([
  ["int64", "00000001"],
  ["int32", "0000000000000001"],
  ["decimal", "312e35"],
])("%s: bytes of another format are refused, not guessed at", (format, hex) => {
  let refused: unknown;
  try {
    decodeCounter(format, Buffer.from(hex, "hex"), "/c");
  } catch (error) {
    refused = error;
  }
  expect(isCoordinationError(refused, "MarshallingError")).toBe(true);
  expect(refused).toMatchObject({ path: "/c" });
});

test.each([5, "5", undefined, null])("%j is no value of a counter, in any format", (value) => {
  for (const format of ["int64", "int32", "decimal"] as const) {
    expect(() => encodeCounter(format, value as unknown as bigint)).toThrow(/is not a bigint\. Write 5n/);
  }
});
