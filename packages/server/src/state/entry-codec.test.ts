import { DecodeError, OpCode, operations, Reader, Writer } from "@corral/protocol";
import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeClientWrite, decodeEntry, encodeEntry } from "./entry-codec.ts";
import type { Entry } from "./operation.ts";
import { digestVersion } from "./tree-digest.ts";

const word = fc.nat(0xffff_ffff);
const text = fc.oneof(
  fc.string({ maxLength: 40, size: "max" }),
  fc.string({ unit: "grapheme", maxLength: 40, size: "max" }),
  // As long as decoders have a way of their own for, and with what some of them take for a mark of how it is encoded.
  fc.string({ minLength: 150, maxLength: 300, size: "max" }).map((rest) => `\uFEFF${rest}`),
);
const safe = fc.maxSafeNat();

const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 300, size: "max" }).map((one) => Buffer.from(one));
const data: fc.Arbitrary<Uint8Array | null> = fc.option(bytes, { nil: null });

const entries: fc.Arbitrary<Entry> = fc.record({
  zxid: safe,
  timeMs: safe,
  sessionId: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  attachment: safe,
  xid: fc.integer(),
  identities: fc.array(fc.record({ scheme: text, id: text }), { maxLength: 40, size: "max" }),
  operation: fc.record({
    type: fc.constant(OpCode.setData),
    request: fc.record({
      path: text,
      data,
      version: fc.integer(),
    }),
  }),
  enforcesQuota: fc.boolean(),
  oldRules: fc.option(fc.constant(true), { nil: undefined }),
  witness: fc.option(fc.record({ zxid: safe, digest: fc.record({ high: word, low: word }) }), {
    nil: undefined,
  }),
});

function bodyOf({ operation }: Entry): Buffer {
  if (operation.type !== OpCode.setData) throw new Error("the entries of this test set data");
  const writer = new Writer();
  operations.setData.request.write(writer, operation.request);
  return writer.take();
}

function buffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  return Array.isArray(value) ? value.map(buffers) : value;
}

describe("an entry's bytes", () => {
  it("are read as the entry that was written", () => {
    fc.assert(
      fc.property(entries, (entry) => {
        expect(decodeEntry(encodeEntry(entry, bodyOf(entry)))).toEqual(entry);
      }),
    );
  });

  it("name the same as those before in the same array, and nobody else", () => {
    const names = fc.array(fc.record({ scheme: fc.constantFrom("ip", "digest"), id: fc.constantFrom("a", "b") }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(entries, fc.array(names, { minLength: 2, maxLength: 8 }), (entry, many) => {
        const written = many
          .flatMap((identities) => [identities, identities])
          .map((identities) => ({ ...entry, identities }));
        const read = written.map((one) => decodeEntry(encodeEntry(one, bodyOf(one))));
        expect(read).toEqual(written);
        for (let at = 0; at < read.length; at += 2) expect(read[at + 1]?.identities).toBe(read[at]?.identities);
      }),
    );
  });

  it("are MessagePack for everybody, whoever writes them", () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const { zxid, timeMs, sessionId, attachment, xid, identities, enforcesQuota, oldRules, witness } = entry;
        const body = bodyOf(entry);
        const fields: unknown[] = [oldRules ? 1 : 2, zxid, timeMs, sessionId, attachment, xid];
        fields.push(
          identities.map(({ scheme, id }) => [Buffer.from(scheme), Buffer.from(id)]),
          OpCode.setData,
          body,
        );
        if (enforcesQuota || witness !== undefined) fields.push(enforcesQuota);
        if (witness !== undefined) {
          fields.push([digestVersion, witness.zxid, witness.digest.high, witness.digest.low]);
        }
        // As bytes, for as text the library would leave out a byte order mark.
        const read = decode(encodeEntry(entry, body), { useBigInt64: true, rawStrings: true }) as unknown[];
        expect(buffers(read)).toEqual(fields);
      }),
    );
  });

  it("are read with a null path, which no client may send any more, as with an empty one", () => {
    const empty = new Writer();
    operations.delete.request.write(empty, { path: "", version: 3 });
    const body = empty.take();
    body.writeInt32BE(-1, 0);
    const entry: Entry = {
      zxid: 1,
      timeMs: 2,
      sessionId: 3n,
      attachment: 4,
      xid: 5,
      identities: [],
      operation: { type: OpCode.delete, request: { path: "", version: 3 } },
      enforcesQuota: false,
      witness: undefined,
    };
    expect(decodeEntry(encodeEntry(entry, body))).toEqual(entry);
    expect(() => decodeClientWrite(OpCode.delete, new Reader(body))).toThrow(DecodeError);
  });

  it("are the same when the request stands behind something else", () => {
    fc.assert(
      fc.property(entries, fc.nat(20), (entry, before) => {
        const body = bodyOf(entry);
        const wanted = Buffer.from(encodeEntry(entry, body));
        const wire = Buffer.concat([Buffer.alloc(before, 0xee), body]);
        expect(Buffer.from(encodeEntry(entry, wire, before)).equals(wanted)).toBe(true);
      }),
    );
  });

  it("stay what they are while others are written, however long those are", () => {
    fc.assert(
      fc.property(fc.array(entries, { minLength: 2, maxLength: 20 }), fc.nat(200_000), (many, length) => {
        const large = Buffer.alloc(length, 7);
        const written = many.map((entry, number) => {
          const body = number === 1 ? large : bodyOf(entry);
          return { body, bytes: encodeEntry(entry, body), copy: Buffer.from(encodeEntry(entry, body)) };
        });
        for (const { bytes, copy } of written) expect(copy.equals(bytes)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it("are refused when something is missing, or follows", () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const whole = Buffer.from(encodeEntry(entry, bodyOf(entry)));
        for (let end = 0; end < whole.length; end++) {
          expect(() => decodeEntry(whole.subarray(0, end)), `${end} bytes`).toThrow(DecodeError);
        }
        expect(() => decodeEntry(Buffer.concat([whole, Buffer.of(0xc0)]))).toThrow("something behind it");
      }),
      { numRuns: 20 },
    );
  });

  it("are refused when a field is of another kind, or there are more than this version knows", () => {
    const body = Buffer.alloc(20);
    const fields: readonly unknown[] = [2, 1, 2, 3n, 4, 5, [["ip", "::1"]], OpCode.setData, body, false, [1, 1, 2, 3]];
    const written = (those: readonly unknown[]) => encode(those, { useBigInt64: true });
    expect(decodeEntry(written(fields)).identities).toEqual([{ scheme: "ip", id: "::1" }]);
    for (const [at, right] of fields.entries()) {
      for (const wrong of [null, 7, 7n, "7", Buffer.of(7), true, ["7"], [["7"]], [[7, 7]], [["7", "7", "7"]]]) {
        // The two that can stand in the place of what they are like: another number, other bytes, another choice.
        if (typeof wrong === typeof right && Array.isArray(wrong) === Array.isArray(right) && !Array.isArray(wrong))
          continue;
        expect(() => decodeEntry(written(fields.with(at, wrong))), `${at}: ${String(wrong)}`).toThrow(DecodeError);
      }
    }
    expect(() => decodeEntry(written(fields.slice(0, 8)))).toThrow("an entry of 8 fields");
    expect(() => decodeEntry(written([...fields, 0]))).toThrow("an entry of 12 fields");
    expect(() => decodeEntry(written(fields.with(0, 3)))).toThrow("an entry of version 3; this server knows 2");
    expect(() => decodeEntry(Buffer.of(0xc1))).toThrow("something else in the place of a list");
  });
});
