/** The primitive encodings, at their edges. */
import { AssertionError, DecodeError, Reader, Writer } from "@corral/protocol";
import { describe, expect, test } from "vitest";

function hex(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return writer.take().toString("hex");
}

function reader(bytes: string): Reader {
  return new Reader(Buffer.from(bytes.replaceAll(" ", ""), "hex"));
}

describe("longs held as numbers", () => {
  test.each([
    [0, "0000000000000000"],
    [1, "0000000000000001"],
    [-1, "ffffffffffffffff"],
    [2 ** 32, "0000000100000000"],
    [-(2 ** 32), "ffffffff00000000"],
    [-(2 ** 32) - 1, "fffffffeffffffff"],
    [Number.MAX_SAFE_INTEGER, "001fffffffffffff"],
    [Number.MIN_SAFE_INTEGER, "ffe0000000000001"],
  ])("%i is %s", (value, bytes) => {
    expect(hex((w) => w.long(value))).toBe(bytes);
    expect(reader(bytes).long()).toBe(value);
  });

  test.each(["0020000000000000", "7fffffffffffffff", "8000000000000000"])("%s does not fit", (bytes) => {
    expect(() => reader(bytes).long()).toThrow(DecodeError);
    expect(reader(bytes).bigLong()).toBe(BigInt.asIntN(64, BigInt(`0x${bytes}`)));
  });
});

describe("values that do not fit their field are the program's mistake", () => {
  test.each([2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN])("int %d", (value) => {
    expect(() => hex((w) => w.int(value))).toThrow(AssertionError);
  });
  test.each([128, -129, 0.5])("byte %d", (value) => expect(() => hex((w) => w.byte(value))).toThrow(AssertionError));
  test.each([2 ** 53, 0.5, Number.NaN])("long %d", (value) => {
    expect(() => hex((w) => w.long(value))).toThrow(AssertionError);
  });
  test("an int of −0 is 0", () => expect(hex((w) => w.int(-0))).toBe("00000000"));
});

describe("text", () => {
  test.each([
    ["", "00000000"],
    ["aé", "00000003 61c3a9"],
    ["日本", "00000006 e697a5e69cac"],
    ["😀", "00000004 f09f9880"],
  ])("%j, there and back", (text, bytes) => {
    expect(hex((w) => w.string(text))).toBe(bytes.replaceAll(" ", ""));
    expect(reader(bytes).string()).toBe(text);
  });

  test("half a surrogate pair is written as U+FFFD", () => {
    expect(hex((w) => w.string("\ud83d"))).toBe("00000003efbfbd");
  });

  test.each([
    ["the two halves in three bytes each, as Java writes them", "00000006 eda0bdedb880", "😀"],
    ["the same within other text", "0000000a 61 eda0bdedb880 c3a9 62", "a😀éb"],
    ["several", "0000000c eda0bdedb880 eda0bdedb881", "😀😁"],
    ["half of one", "00000004 61 eda0bd", "a\ufffd\ufffd\ufffd"],
    ["bytes that are no text at all", "00000003 61ff62", "a\ufffdb"],
  ])("read: %s", (_, bytes, text) => expect(reader(bytes).string()).toBe(text));

  test("null reads as the empty text, or as null where that is told apart", () => {
    expect(hex((w) => w.string(null))).toBe("ffffffff");
    expect(reader("ffffffff").string()).toBe("");
    expect(reader("ffffffff").nullableString()).toBeNull();
  });
});

test.each([
  ["0000000000000007", 7],
  ["ffffffffffffffff", -1],
  ["001fffffffffffff", Number.MAX_SAFE_INTEGER],
  ["0020000000000000", Number.MAX_SAFE_INTEGER],
  ["7fffffffffffffff", Number.MAX_SAFE_INTEGER],
  ["8000000000000000", Number.MIN_SAFE_INTEGER],
])("the nearest exact number to the long %s is %i", (bytes, number) =>
  expect(reader(bytes).nearestLong()).toBe(number),
);

describe("vectors", () => {
  const readInt = (r: Reader) => r.int();
  test("null, none, some", () => {
    expect(reader("ffffffff").nullableVector(readInt)).toBeNull();
    expect(reader("ffffffff").vector(readInt)).toEqual([]);
    expect(reader("00000000").nullableVector(readInt)).toEqual([]);
    expect(reader("00000002 00000001 00000002").vector(readInt)).toEqual([1, 2]);
    expect(hex((w) => w.vector(null, (v, item: number) => v.int(item)))).toBe("ffffffff");
  });
});

describe("lengths beyond the frame are refused before anything is read", () => {
  test.each([
    ["buffer", (r: Reader) => r.buffer()],
    ["text", (r: Reader) => r.string()],
    ["vector", (r: Reader) => r.vector((item) => item.byte())],
  ] as const)("%s", (_, read) => {
    for (const length of ["7fffffff", "00000003", "fffffffe", "80000000"]) {
      expect(() => read(reader(`${length} 0101`))).toThrow(DecodeError);
    }
  });

  test("null where a text must be", () => {
    expect(reader("00000000").requiredString()).toBe("");
    expect(reader("ffffffff").string()).toBe("");
    const r = reader("00000001 ffffffff");
    r.int();
    expect(() => r.requiredString()).toThrow(expect.objectContaining({ name: "DecodeError", offset: 4 }));
  });

  test("the error says where", () => {
    const r = reader("00000001 7fffffff");
    r.int();
    expect(() => r.buffer()).toThrow(expect.objectContaining({ offset: 8 }));
  });
});

describe("a writer", () => {
  test("keeps what was written while it grows, and starts afresh after take", () => {
    const writer = new Writer(4);
    for (let i = 0; i < 1000; i++) writer.int(i);
    expect(writer.length).toBe(4000);
    const taken = writer.take();
    expect(writer.length).toBe(0);
    writer.int(-1);
    expect(Array.from({ length: 1000 }, (_, i) => taken.readInt32BE(i * 4))).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
    expect(writer.take().toString("hex")).toBe("ffffffff");
    expect(writer.take()).toHaveLength(0);
  });

  test("gathers frames", () => {
    expect(
      hex((w) => {
        for (const text of ["a", "bc"]) {
          const mark = w.beginFrame();
          w.string(text);
          w.endFrame(mark);
        }
      }),
    ).toBe("00000005000000016100000006000000026263");
  });

  test("takes back what turned out not to be wanted", () => {
    expect(
      hex((w) => {
        w.int(1);
        const before = w.length;
        w.string("a reply that failed half way");
        w.rewind(before);
        w.int(2);
      }),
    ).toBe("0000000100000002");
    expect(() => new Writer().rewind(1)).toThrow(AssertionError);
  });
});

test("a reader stays within its part of the buffer", () => {
  const bytes = Buffer.from("0000000100000002", "hex");
  const r = new Reader(bytes, 4, 7);
  expect(r.remaining).toBe(3);
  expect(() => r.int()).toThrow(DecodeError);
  expect(r.rest()).toEqual(Buffer.from("000000", "hex"));
  expect(r.offset).toBe(4);
});
