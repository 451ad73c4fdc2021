import { describe, expect, it } from "vitest";
import { decodeEpochFile, encodeEpochFile } from "./epoch-file.ts";

describe("the epoch file", () => {
  it("is text for people", () => {
    expect(
      encodeEpochFile({ epoch: 3, lastZxid: 0x2_0000_0005, newestLogZxid: 0x2_0000_0001 }).toString(),
    ).toMatchInlineSnapshot(`
      "corral-epoch 1
      epoch 3
      last-zxid 0x200000005
      newest-log log.200000001
      crc32 3147bcba
      "
    `);
  });

  it("comes back, and no changed, missing or additional byte goes unnoticed", () => {
    const none = { epoch: 1, lastZxid: 0, newestLogZxid: 0 };
    expect(decodeEpochFile(encodeEpochFile(none))).toEqual(none);
    const content = { epoch: 12, lastZxid: 0xb_0000_00ff, newestLogZxid: 0xb_0000_0001 };
    const bytes = encodeEpochFile(content);
    expect(decodeEpochFile(bytes)).toEqual(content);
    for (let at = 0; at < bytes.length; at += 1) {
      for (const change of [0x01, 0x20, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= change;
        expect(decodeEpochFile(changed)).toBeUndefined();
      }
      expect(decodeEpochFile(bytes.subarray(0, at))).toBeUndefined();
    }
    expect(decodeEpochFile(Buffer.concat([bytes, Buffer.from("\n")]))).toBeUndefined();
  });
});
