import { expect, test } from "vitest";
import { kindsOf } from "./kinds.ts";
import { childCreatesOf, hasSequenceNumber, isAtOrBelow, parentOf } from "./tree-node.ts";

test("a star is one name, and dots are dots", () => {
  const kindOf = kindsOf({ containers: ["/locks/*", "/a.b"], ttlMs: new Map([["/s/*/x", 5]]) });
  expect(["/locks/a", "/locks/a/b", "/locks", "/a.b", "/aXb", "/s/1/x", "/s/1/2/x"].map(kindOf)).toEqual([
    "container",
    "persistent",
    "persistent",
    "container",
    "persistent",
    { ttlMs: 5 },
    "persistent",
  ]);
});

test("which hints a path fits is told, also of those that come too late", () => {
  const fitted: string[] = [];
  const hints = { containers: ["/a/*", "/b", "/none"], ttlMs: new Map([["/*/x", 5]]) };
  const kindOf = kindsOf(hints, (path) => fitted.push(path));
  expect(["/a/x", "/c"].map(kindOf)).toEqual(["container", "persistent"]);
  expect(fitted).toEqual(["/a/*", "/*/x"]);
});

test("paths and counters", () => {
  expect(["/a/b", "/a", "/"].map(parentOf)).toEqual(["/a", "/", "/"]);
  expect(["/a/n-0000000007", "/0000000007/a", "/n-7"].map(hasSequenceNumber)).toEqual([true, false, false]);
  expect(isAtOrBelow("/ab", "/a") || isAtOrBelow("/a", "/a/b")).toBe(false);
  expect(isAtOrBelow("/a/b", "/a") && isAtOrBelow("/a", "/a") && isAtOrBelow("/a", "/")).toBe(true);
  // Five creates, two deletes, three left; nothing yet; the root of an old server.
  expect(childCreatesOf({ cversion: 7, numChildren: 3 })).toBe(5);
  expect(childCreatesOf({ cversion: 0, numChildren: 0 })).toBe(0);
  expect(childCreatesOf({ cversion: -1, numChildren: 0 })).toBe(0);
});
