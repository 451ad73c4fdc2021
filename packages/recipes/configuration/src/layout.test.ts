import { expect, test } from "vitest";
import { layoutOf, versionsOf } from "./layout.ts";

test("everything is below the configuration, at the top of a tree as well", () => {
  expect(layoutOf("/config/billing")).toMatchObject({
    root: "/config/billing",
    history: "/config/billing/history",
    proposal: "/config/billing/proposal",
    subscribers: "/config/billing/subscribers",
    receipts: "/config/billing/receipts",
  });
  expect(layoutOf("/").history).toBe("/history");
  expect(layoutOf("/c").revision(7)).toBe("/c/history/0000000007");
  expect(layoutOf("/c").revision(2 ** 31 - 1)).toBe("/c/history/2147483647");
  expect(layoutOf("/c").subscriber("x")).toBe("/c/subscribers/x");
});

test("versions are in the order of numbers, and what is none is left out", () => {
  expect(versionsOf(["0000000010", "0000000009", "notes", "0000000000", "11", "00000000012", "000000001x"])).toEqual([
    0, 9, 10,
  ]);
});
