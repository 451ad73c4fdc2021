import { expect, test } from "vitest";
import { checkName, Layout, nameOfClaim } from "./layout.ts";

test("a claim says whose it is, and stands beside the group", () => {
  const layout = new Layout("/a/group");
  const claim = layout.claim("6ba7b810-9dad-41d1-80b4-00c04fd430c8", "w-1");
  expect(claim).toBe("/a/group.claims/6ba7b810-9dad-41d1-80b4-00c04fd430c8-w-1");
  expect(nameOfClaim(claim.slice(layout.claims.length + 1))).toBe("w-1");
  expect(layout.member("w-1")).toBe("/a/group/w-1");
});

test.each(["/", "", "a", "/a/"])("%j is no path of a group", (path) => {
  expect(() => new Layout(path)).toThrow(TypeError);
});

test.each(["", ".", "..", "a/b"])("%j is no name of a member", (name) => {
  expect(() => checkName(name)).toThrow(TypeError);
});

test.each(["", ".", "..", "a/b", 5, null])("nobody can be named %j", (name) => {
  expect(() => checkName(name as string)).toThrow(/A member cannot be named .*: it must be a node's name/);
});
