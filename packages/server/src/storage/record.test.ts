import { blockFrom, diskBlockBytes } from "@corral/io";
import { seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import {
  decodeRecord,
  encodeRecords,
  hasHole,
  type LogRecord,
  noKey,
  recordByteLength,
  recordStartMark,
  sectorBytes,
} from "./record.ts";

const key = { header: 0x1234_5678, body: 0x9abc_def0 };
const place = { key, position: 64, durablePosition: 64, previousZxid: 6 };

function decodeAll(bytes: Buffer, position: number) {
  const found: { zxid: number; previousZxid: number; syncedOffset: number; payload: string }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const decoded = decodeRecord(bytes, at, position + at, key);
    if (decoded.kind !== "record") return { found, stoppedAt: at };
    const { byteLength, ...header } = decoded.header;
    found.push({ ...header, payload: decoded.payload.toString("latin1") });
    at += byteLength;
  }
  return { found, stoppedAt: bytes.length };
}

/** Tries one after the other. */
function firstMaskThatWillDo(record: Buffer, payload: Buffer, position: number): number {
  const isFit = (bytes: Buffer): boolean => {
    for (let block = blockFrom(position + 1); block < position + bytes.length; block += diskBlockBytes) {
      if (bytes.readUInt32BE(block - position) === recordStartMark) return false;
    }
    return !hasHole(bytes, position);
  };
  for (let tries = 0; ; tries += 1) {
    const mask = Math.imul(tries, 0x9e37_79b1) >>> 0;
    const masked = payload.map((byte, at) => byte ^ ((mask >>> (24 - 8 * (at % 4))) & 0xff));
    const bytes = Buffer.from(record);
    bytes.set(masked, 48);
    if (isFit(bytes)) return mask;
  }
}

describe("a record", () => {
  it("has the documented bytes", () => {
    const bytes = encodeRecords([{ zxid: 2 ** 32 * 3 + 7, bytes: Buffer.from("hello") }], {
      key: noKey,
      position: 4_096,
      durablePosition: 512,
      previousZxid: 2 ** 32 * 2 + 9,
    });
    expect(bytes.toString("hex").match(/.{1,16}/g)).toMatchInlineSnapshot(`
      [
        "c0a15ea700000040",
        "9df44b33a2b90671",
        "0000000300000007",
        "0000000200000009",
        "0000000000000200",
        "0000000500000000",
        "68656c6c6f000000",
        "00000000e0d0fb0b",
      ]
    `);
  });

  it("comes back with its neighbours' zxids, whatever its length", () => {
    const records: LogRecord[] = Array.from({ length: 40 }, (_, index) => ({
      zxid: 7 + index,
      bytes: Buffer.alloc(index, 65 + index),
    }));
    const bytes = encodeRecords(records, place);
    expect(bytes.length).toBe(records.reduce((sum, record) => sum + recordByteLength(record.bytes.length), 0));
    expect(bytes.length % 8).toBe(0);
    const { found, stoppedAt } = decodeAll(bytes, 64);
    expect(stoppedAt).toBe(bytes.length);
    expect(found).toEqual(
      records.map((record) => ({
        zxid: record.zxid,
        previousZxid: record.zxid - 1,
        syncedOffset: 64,
        payload: Buffer.from(record.bytes).toString("latin1"),
      })),
    );
  });

  it("is the same whatever the room that it is written into held, wherever it starts", () => {
    const startMarks = (byteLength: number) =>
      Buffer.alloc(byteLength, Buffer.from(recordStartMark.toString(16), "hex"));
    const zeros = (byteLength: number) => Buffer.alloc(byteLength);
    for (let position = 4_096; position < 8_192; position += 8) {
      const place = { key, position, durablePosition: position, previousZxid: 2 };
      for (const length of [0, 52, 600, 5_000]) {
        const records = [7, 0].map((byte, index) => ({ zxid: 3 + index, bytes: Buffer.alloc(length, byte) }));
        const isSame = encodeRecords(records, place, startMarks).equals(encodeRecords(records, place, zeros));
        expect(isSame, `${length} bytes at ${position}`).toBe(true);
      }
    }
  });

  it("has no block that starts with the start mark but its own, whatever its payload", () => {
    const marks = Buffer.alloc(20_000);
    for (let at = 0; at < marks.length; at += 4) marks.writeUInt32BE(recordStartMark, at);
    for (const [position, length] of [
      [64, 20_000],
      [4_000, 100],
      [4_040, 20],
      [8_184, 9_000],
    ] as const) {
      const payload = marks.subarray(0, length);
      const bytes = encodeRecords([{ zxid: 7, bytes: payload }], { ...place, position });
      for (let block = blockFrom(position + 1); block < position + bytes.length; block += diskBlockBytes) {
        expect(bytes.readUInt32BE(block - position), `at ${position}, block ${block}`).not.toBe(recordStartMark);
      }
      expect(decodeAll(bytes, position).found).toMatchObject([{ payload: payload.toString("latin1") }]);
    }
  });

  it("is not valid at any other offset, nor with any byte before its end mark changed", () => {
    const bytes = encodeRecords([{ zxid: 7, bytes: Buffer.from("payload") }], place);
    expect(decodeRecord(bytes, 0, 72, key).kind).toBe("bad");
    for (let at = 0; at < bytes.length - 4; at += 1) {
      for (const change of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= change;
        expect(decodeRecord(changed, 0, 64, key).kind, `byte ${at}`).toBe("bad");
      }
    }
  });

  it("is not valid with another key, nor with one of its two numbers alone", () => {
    const bytes = encodeRecords([{ zxid: 7, bytes: Buffer.from("payload") }], place);
    expect(decodeRecord(bytes, 0, 64, key).kind).toBe("record");
    for (const other of [noKey, { ...key, header: 1 }, { ...key, body: 1 }, { header: key.body, body: key.header }]) {
      expect(decodeRecord(bytes, 0, 64, other).kind).toBe("bad");
    }
  });

  it("says how many bytes are needed", () => {
    const bytes = encodeRecords([{ zxid: 7, bytes: Buffer.alloc(100, 1) }], place);
    expect(decodeRecord(bytes.subarray(0, 47), 0, 64, key)).toEqual({ kind: "short", bytesNeeded: 48 });
    expect(decodeRecord(bytes.subarray(0, 48), 0, 64, key)).toEqual({ kind: "short", bytesNeeded: 152 });
    expect(decodeRecord(bytes.subarray(0, 151), 0, 64, key)).toEqual({ kind: "short", bytesNeeded: 152 });
  });

  it("never has a hole of its own, even if its payload is zeros or what would undo the mask", () => {
    const random = seededRandom(1);
    const masks = Array.from({ length: 6 }, (_, tries) => Math.imul(tries, 0x9e37_79b1) >>> 0);
    for (let run = 0; run < 200; run += 1) {
      const payload = Buffer.alloc(random.below(6 * sectorBytes));
      for (let at = 0; at + 4 <= payload.length; at += 4) {
        if (run % 2 === 1) payload.writeUInt32BE(masks[Math.floor(at / sectorBytes) % masks.length]!, at);
      }
      const position = 64 + 8 * random.below(200);
      const bytes = encodeRecords([{ zxid: 7, bytes: payload }], { ...place, position });
      expect(hasHole(bytes, position)).toBe(false);
      expect(decodeAll(bytes, position).found[0]?.payload).toBe(payload.toString("latin1"));
    }
  });

  it("is made up quickly, even if its payload rules out one mask after the other", () => {
    // Whoever tries them one by one over all of it is at it for a minute; this takes some 50 ms.
    const length = 4 * 1024 * 1024;
    const payload = Buffer.alloc(length);
    for (let at = 0; at < length; at += 4)
      payload.writeUInt32BE(Math.imul(Math.floor(at / 1024), 0x9e37_79b1) >>> 0, at);
    const before = performance.now();
    const bytes = encodeRecords([{ zxid: 7, bytes: payload }], place);
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(bytes.readUInt32BE(44)).toBe(Math.imul(length / 1024, 0x9e37_79b1) >>> 0);
    expect(hasHole(bytes, place.position)).toBe(false);
    const decoded = decodeRecord(bytes, 0, place.position, key);
    expect(decoded.kind === "record" && decoded.payload.equals(payload)).toBe(true);
  });

  it("has the first mask that will do, as it always had: of the same payload comes the same record", () => {
    const random = seededRandom(3);
    for (let run = 0; run < 300; run += 1) {
      const payload = Buffer.alloc(500 + random.below(12_000));
      const position = 64 + 8 * random.below(2_000);
      const words = Array.from({ length: 8 }, (_, tries) => Math.imul(tries, 0x9e37_79b1) >>> 0);
      const wordOf = () => (words[random.below(words.length)]! ^ (random.below(4) === 0 ? recordStartMark : 0)) >>> 0;
      let word = wordOf();
      for (let at = 0; at < payload.length; at += 1) {
        if ((position + 48 + at) % sectorBytes === 0) word = wordOf();
        payload[at] = (word >>> (24 - 8 * (at % 4))) & 0xff;
      }
      const bytes = encodeRecords([{ zxid: 7, bytes: payload }], { ...place, position });
      expect(bytes.readUInt32BE(44), `run ${run}`).toBe(firstMaskThatWillDo(bytes, payload, position));
      expect(decodeAll(bytes, position).found[0]?.payload).toBe(payload.toString("latin1"));
    }
  });

  it("has a hole when any sector of it is missing", () => {
    const random = seededRandom(2);
    for (let run = 0; run < 50; run += 1) {
      const position = 64 + 8 * random.below(200);
      const bytes = encodeRecords([{ zxid: 7, bytes: random.bytes(2_000) }], { ...place, position });
      for (
        let sector = Math.floor(position / sectorBytes);
        sector * sectorBytes < position + bytes.length;
        sector += 1
      ) {
        const holed = Buffer.from(bytes);
        holed.fill(
          0,
          Math.max(0, sector * sectorBytes - position),
          Math.min(bytes.length, (sector + 1) * sectorBytes - position),
        );
        expect(hasHole(holed, position)).toBe(true);
      }
    }
  });
});
