import { expect, test } from "vitest";
import { checkName, layoutOf, newId, youngerThan } from "./layout.ts";
import { limits } from "./limits.ts";

test("ids sort by what their makers had seen", () => {
  const random = (n: number) => Uint8Array.from({ length: 8 }, () => n);
  const ids = [9n, 10n, 255n, 4_294_967_296n, 2n ** 63n - 1n].map((zxid, i) => newId(zxid, random(200 - i)));
  expect([...ids].sort()).toEqual(ids);
  expect(newId(10n, random(1))).toBe("000000000000000a-0101010101010101");
  expect(youngerThan(ids, ids[2] ?? "")).toBe(2);
});

test("paths stand below the root, also below the whole tree", () => {
  expect(layoutOf("/tx").vote("7", "stock")).toBe("/tx/transactions/7/stock");
  expect(layoutOf("/").task("stock", "7")).toBe("/inbox/stock/7");
});

test.each(["", ".", "..", "a/b", "x".repeat(limits.nameLength + 1)])("%j is no name", (name) => {
  expect(() => checkName(name)).toThrow(RangeError);
});
