import type { Disk, DiskFile } from "@corral/io";
import { expect, test } from "vitest";
import { wrappedDisk, wrappedFile } from "./wrapped-disk.ts";

/** A port of which each function answers with its name and what it was given. */
function echo<Port>(names: readonly (keyof Port & string)[]): Port {
  return Object.fromEntries(names.map((name) => [name, (...given: unknown[]) => [name, ...given]])) as Port;
}

test.each([
  [
    "file",
    wrappedFile(
      echo<Required<DiskFile>>([
        "size",
        "read",
        "write",
        "writeThrough",
        "prepareWriteThrough",
        "isUnread",
        "truncate",
        "sync",
        "close",
      ]),
      {},
    ),
    9,
  ],
  [
    "disk",
    wrappedDisk(
      echo<Required<Disk>>([
        "makeDirectory",
        "list",
        "open",
        "rename",
        "remove",
        "syncDirectory",
        "claimDirectory",
        "freeBytes",
      ]),
      {},
    ),
    8,
  ],
])("a %s passes on all that it does not do itself", (_what, wrapped, count) => {
  const functions = Object.entries(wrapped) as [string, (...given: unknown[]) => unknown[]][];
  expect(functions).toHaveLength(count);
  for (const [name, deed] of functions) {
    const [answeredBy, ...given] = deed("one", "other");
    expect(answeredBy).toBe(name);
    expect(["one", "other"].slice(0, given.length)).toEqual(given);
  }
});

test("what is its own is done in its own way, and what the other cannot do it cannot do", () => {
  const own = { sync: () => Promise.resolve() };
  const file = wrappedFile({ ...echo<DiskFile>(["size", "read", "write", "truncate", "sync", "close"]) }, own);
  expect([file.sync, file.isUnread, file.writeThrough]).toEqual([own.sync, undefined, undefined]);
});
