import { formatZxid, makeZxid, zxidCounter, zxidEpoch } from "@corral/protocol";
import { expect, test } from "vitest";

test.each([
  [0, 0, 0, "0x0"],
  [0, 1, 1, "0x1"],
  [1, 0, 4_294_967_296, "0x100000000"],
  [3, 0xffff_ffff, 17_179_869_183, "0x3ffffffff"],
  [2 ** 21 - 1, 0xffff_ffff, Number.MAX_SAFE_INTEGER, "0x1fffffffffffff"],
])("epoch %i, counter %i is zxid %i, printed %s", (epoch, counter, zxid, text) => {
  expect(makeZxid(epoch, counter)).toBe(zxid);
  expect(zxidEpoch(zxid)).toBe(epoch);
  expect(zxidCounter(zxid)).toBe(counter);
  expect(formatZxid(zxid)).toBe(text);
});
