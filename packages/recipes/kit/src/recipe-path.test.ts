import { expect, test } from "vitest";
import { recipePath } from "./recipe-path.ts";

test("what can name a node is taken as it is", () => {
  expect(["/", "/a", "/a/b c"].map((path) => recipePath("Mutex", path))).toEqual(["/", "/a", "/a/b c"]);
});

test.each([
  ["", "it is empty"],
  ["a", "it must start with '/'"],
  ["/a/", "it must not end with '/'"],
  ["/a//b", "it has an empty segment at 3"],
  ["/a/../b", "it has a relative segment at 3"],
  [5 as unknown as string, "it is not a string"],
])("%j is refused, with the recipe, the path, the reason and an example", (path, reason) => {
  expect(() => recipePath("Mutex", path)).toThrow(
    new TypeError(`Mutex: the path ${JSON.stringify(path)} cannot be used: ${reason}. A path looks like "/app/name".`),
  );
});

test("the root is refused where something must stand beside", () => {
  expect(() => recipePath("Group", "/", { besideRoot: false })).toThrow(
    "it is the root, beside which nothing can stand",
  );
});
