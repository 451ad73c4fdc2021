import { expect, test } from "vitest";
import { parseProperties } from "./properties.ts";

const parsed = (text: string) => [...parseProperties(text)];

test.each([
  [
    "a=1\nb = 2\r\nc:3\nd 4\n",
    [
      ["a", "1"],
      ["b", "2"],
      ["c", "3"],
      ["d", "4"],
    ],
  ],
  ["# no\n  ! nor this\n\n   a=1", [["a", "1"]]],
  ["a=1 # not a comment", [["a", "1 # not a comment"]]],
  [
    "a=1,\\\n   2,\\\n   3\nb=4",
    [
      ["a", "1,2,3"],
      ["b", "4"],
    ],
  ],
  [
    "a=C:\\\\data\\\\\nb=1",
    [
      ["a", "C:\\data\\"],
      ["b", "1"],
    ],
  ],
  ["server.1=h\\:2888", [["server.1", "h:2888"]]],
  ["a\\=b=c=d", [["a=b", "c=d"]]],
  ["a=\\u00e9\\t.", [["a", "é\t."]]],
  ["a", [["a", ""]]],
  [
    "a=1\nb=2\na=3",
    [
      ["b", "2"],
      ["a", "3"],
    ],
  ],
  ["a=1  ", [["a", "1"]]],
  ["a=1\\", [["a", "1"]]],
  ["", []],
])("%j", (text, entries) => {
  expect(parsed(text)).toEqual(entries);
});
