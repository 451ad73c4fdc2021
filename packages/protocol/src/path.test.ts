/** Paths by the rules of server-side validation (semantics A.10), and what is taken from and added to them. */
import { joinPath, nodeName, parentPath, pathProblem, sequenceSuffix } from "@corral/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("pathProblem", () => {
  test.each([
    "/",
    "/a",
    "/a/b/c",
    "/a b/ c ",
    "/.a",
    "/a.",
    "/...",
    "/..a/b..",
    "/ä/é/日本",
    "/~\u00a0\ud7ff\uf900\uffef",
    "/zookeeper/quota",
  ])("%j is fine", (path) => expect(pathProblem(path)).toBeUndefined());

  test.each([
    ["", "it is empty"],
    ["a", "it must start with '/'"],
    ["a/b", "it must start with '/'"],
    ["/a/", "it must not end with '/'"],
    ["//", "it must not end with '/'"],
    ["//a", "it has an empty segment at 1"],
    ["/a//b", "it has an empty segment at 3"],
    ["/.", "it has a relative segment at 1"],
    ["/..", "it has a relative segment at 1"],
    ["/a/./b", "it has a relative segment at 3"],
    ["/a/../b", "it has a relative segment at 3"],
    ["/a/..", "it has a relative segment at 3"],
    ["/a\0", "it has the character U+0000 at 2"],
    ["/\u0001", "it has the character U+0001 at 1"],
    ["/a/\u001f", "it has the character U+001F at 3"],
    ["/\u007f", "it has the character U+007F at 1"],
    ["/\u0080", "it has the character U+0080 at 1"],
    ["/\u009f", "it has the character U+009F at 1"],
    ["/\ud800", "it has the character U+D800 at 1"],
    ["/😀", "it has the character U+D83D at 1"],
    ["/\ue000", "it has the character U+E000 at 1"],
    ["/\uf8ff", "it has the character U+F8FF at 1"],
    ["/\ufff0", "it has the character U+FFF0 at 1"],
    ["/\uffff", "it has the character U+FFFF at 1"],
  ])("%j is refused: %s", (path, problem) => expect(pathProblem(path)).toBe(problem));

  test("agrees with the rule put another way, for any text", () => {
    const piece = fc.oneof(
      fc.constantFrom("/", ".", "..", "a", "//", "\u0000", "\u0085"),
      fc.string({ unit: "binary" }),
    );
    const refused = [
      [0, 0x1f],
      [0x7f, 0x9f],
      [0xd800, 0xf8ff],
      [0xfff0, 0xffff],
    ] as const;
    const units = (text: string) => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
    const isRefused = (unit: number) => refused.some(([from, to]) => unit >= from && unit <= to);
    const shape = /^(\/|(\/(?!\.{1,2}(\/|$))[^/]+)+)$/s;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const path = `/${pieces.join("")}`;
        expect(pathProblem(path) === undefined).toBe(shape.test(path) && !units(path).some(isRefused));
      }),
      { numRuns: 500 },
    );
  });
});

test.each([
  ["/", "", ""],
  ["/a", "/", "a"],
  ["/a/b", "/a", "b"],
  ["/a/b/c d", "/a/b", "c d"],
])("%j has the parent %j and the name %j", (path, parent, name) => {
  expect(parentPath(path)).toBe(parent);
  expect(nodeName(path)).toBe(name);
  if (name !== "") expect(joinPath(parent, name)).toBe(path);
});

test.each([
  [0, "0000000000"],
  [7, "0000000007"],
  [2 ** 31 - 1, "2147483647"],
  [-1, "-000000001"],
  [-(2 ** 31), "-2147483648"],
])("the sequence suffix of %i is %s", (counter, suffix) => expect(sequenceSuffix(counter)).toBe(suffix));
