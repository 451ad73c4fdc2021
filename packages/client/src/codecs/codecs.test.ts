import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { isCoordinationError } from "../errors.ts";
import { json, optional, raw, utf8 } from "./basic.ts";
import { type Codec, dataOf, decodeValue, optionsOf } from "./codec.ts";
import { compressed } from "./compressed.ts";
import { msgpack } from "./msgpack.ts";
import { validated } from "./validated.ts";

const throughAndBack = async <T>(codec: Codec<T>, value: T): Promise<T> => codec.decode(await codec.encode(value));

describe("what is encoded comes back", () => {
  test("bytes and none", async () => {
    for (const value of [null, new Uint8Array(0), new Uint8Array([0, 255])]) {
      expect(await throughAndBack(raw, value)).toBe(value);
    }
  });

  test("any text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
        expect(await throughAndBack(utf8, text)).toBe(text);
        expect(await throughAndBack(compressed(utf8), text)).toBe(text);
      }),
      { numRuns: 50 },
    );
    expect(await utf8.decode(null)).toBe("");
  });

  test("any JSON, in JSON and in MessagePack", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        const value: unknown = JSON.parse(text);
        // JSON has no minus zero, and an object's __proto__ is not taken from outside.
        fc.pre(!text.includes("-0") && !text.includes("__proto__"));
        expect(await throughAndBack(json, value)).toEqual(value);
        expect(await throughAndBack(msgpack, value)).toEqual(value);
      }),
      { numRuns: 100 },
    );
  });

  test("texts that begin with a byte order mark", async () => {
    for (const length of [0, 1, 196, 197, 198, 1000]) {
      const text = `\uFEFF${"a".repeat(length)}`;
      expect(await throughAndBack(json, { [text]: text })).toEqual({ [text]: text });
      // Longer ones are refused, for they would come back without the mark; see "values that cannot be written".
      if (length <= 197) expect(await throughAndBack(msgpack, { [text]: text })).toEqual({ [text]: text });
    }
  });

  test("texts with a lone surrogate, in JSON", async () => {
    // The others refuse them, as their texts are UTF-8; see "values that cannot be written".
    for (const text of ["\uD800", `${"a".repeat(300)}\uDC00b`]) {
      expect(await throughAndBack(json, { [text]: text })).toEqual({ [text]: text });
    }
  });

  test("a MessagePack array, without a text made of each index", async () => {
    let indexTexts = 0;
    const ownKeys = (target: object) => {
      const keys = Reflect.ownKeys(target);
      indexTexts += keys.length;
      return keys;
    };
    const list = new Proxy([1, "two", [3n]], { ownKeys });
    const data = await msgpack.encode(list);
    expect(indexTexts).toBe(0);
    expect(await msgpack.decode(data)).toEqual([1, "two", [3n]]);
  });

  test("64-bit integers and bytes in MessagePack; what is undefined is left out", async () => {
    const value = { token: 2n ** 62n, bytes: new Uint8Array([1, 2]), missing: undefined };
    expect(await throughAndBack(msgpack, value)).toEqual({ token: 2n ** 62n, bytes: new Uint8Array([1, 2]) });
  });

  test("nothing, where something is optional", async () => {
    const codec = optional(json);
    expect(await codec.encode(undefined)).toBeNull();
    expect(await codec.decode(null)).toBeUndefined();
    expect(await codec.decode(new Uint8Array(0))).toBeUndefined();
    expect(await throughAndBack(codec, { a: 1 })).toEqual({ a: 1 });
  });
});

describe("what makes no sense is refused", () => {
  test.each<[string, Codec<unknown>, Uint8Array | null]>([
    ["no JSON", json, Buffer.from("{")],
    ["no data for JSON", json, null],
    ["no text", utf8 as Codec<unknown>, Buffer.from([0xff])],
    ["no MessagePack", msgpack, Buffer.from([0xc1])],
    ["no data for MessagePack", msgpack, new Uint8Array(0)],
    ["a MessagePack array of four billion, in five bytes", msgpack, Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])],
    ["gzip cut short", compressed(json), Buffer.from([0x1f, 0x8b, 8, 0])],
  ])("%s", async (_, codec, data) => {
    const error: unknown = await decodeValue("get", "/a", codec, data).catch((e: unknown) => e);
    expect(isCoordinationError(error, "MarshallingError")).toBe(true);
    expect(error).toMatchObject({ path: "/a", cause: expect.any(Error) });
  });

  test("values that cannot be written", async () => {
    for (const [codec, value] of [
      [json, undefined],
      [json, 1n],
      [utf8, 7],
      [utf8, "a lone surrogate: \uD800"],
      [msgpack, 2n ** 70n],
      [msgpack, { text: [`\uFEFF${"a".repeat(198)}`] }],
      [msgpack, { [`\uFEFF${"a".repeat(198)}`]: 1 }],
      [msgpack, "a lone surrogate: \uD800"],
      [msgpack, { list: [`${"a".repeat(60)}\uDC00b`] }],
      [msgpack, { ["\uD800".repeat(300)]: 1 }],
    ] as const) {
      expect(() => dataOf("set", "/a", { codec: codec as Codec<unknown>, value })).toThrow(
        /set \/a: .*cannot be encoded/,
      );
    }
    const slow: Codec<unknown> = { encode: () => Promise.reject(new Error("no")), decode: () => 1 };
    await expect(dataOf("set", "/a", { codec: slow, value: 1 })).rejects.toMatchObject({ code: "BadArguments" });
  });
});

describe("validated", () => {
  const limits = validated(json, z.object({ limit: z.number().positive(), unit: z.string().default("s") }));

  test("what is read is what the schema makes of it", async () => {
    expect(await limits.decode(Buffer.from('{"limit":3}'))).toEqual({ limit: 3, unit: "s" });
    expectTypeOf(limits).toEqualTypeOf<Codec<{ limit: number; unit: string }>>();
  });

  test("what does not fit is refused, on the way in as on the way out, and it says where", async () => {
    await expect(decodeValue("get", "/config", limits, Buffer.from('{"limit":-1}'))).rejects.toThrow(
      /get \/config: .*limit: /,
    );
    await expect(dataOf("set", "/config", { codec: limits, value: { limit: 0, unit: "s" } })).rejects.toThrow(/limit/);
  });

  test("any library that keeps to the standard will do, also one that takes its time", async () => {
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "a test",
        validate: async (value: unknown) =>
          typeof value === "string"
            ? { value: value.length }
            : { issues: [{ message: "not a text", path: [{ key: "a" }, 0] }] },
      },
    };
    expect(await validated(json, schema).decode(Buffer.from('"four"'))).toBe(4);
    await expect(Promise.resolve(validated(json, schema).decode(Buffer.from("1")))).rejects.toThrow("a.0: not a text");
  });
});

test("compressed data is smaller, and data from before it was compressed is read too", async () => {
  const value = { text: "again and ".repeat(500) };
  const data = await compressed(json).encode(value);
  expect(data?.length).toBeLessThan(200);
  expect(await compressed(json).decode(Buffer.from(JSON.stringify(value)))).toEqual(value);
  expect(await compressed(raw).encode(null)).toBeNull();
  expect(await compressed(optional(json)).decode(null)).toBeUndefined();
});

test("data and options, whichever way they were given", () => {
  expect(dataOf("set", "/a", "text")).toBe("text");
  expect(dataOf("set", "/a", null)).toBeNull();
  expect(dataOf("set", "/a", undefined)).toBeUndefined();
  expect(dataOf("set", "/a", { codec: utf8 as Codec<unknown>, value: "x" })).toEqual(Buffer.from("x"));
  const options = { version: 1 };
  expect(optionsOf("text", options)).toBe(options);
  expect(optionsOf({ codec: utf8 as Codec<unknown>, value: "x", version: 2 }, options)).toMatchObject({ version: 2 });
});
