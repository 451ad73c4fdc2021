import { expect, test } from "vitest";
import { Chroot } from "./chroot.ts";

test.each([
  ["", "/", "/"],
  ["", "/a", "/a"],
  ["/app", "/", "/app"],
  ["/app", "/a/b", "/app/a/b"],
])("below %j, %s is the server's %s and back", (prefix, client, server) => {
  const chroot = new Chroot(prefix);
  expect(chroot.toServer(client)).toBe(server);
  expect(chroot.toClient(server)).toBe(client);
});

test("a nameless sequential child of the chroot", () => {
  expect(new Chroot("/app").sequenceToServer("/")).toBe("/app/");
  expect(new Chroot("").sequenceToServer("/")).toBe("/");
});

test("a path outside stays as it is", () => {
  expect(new Chroot("/app").toClient("/apple")).toBe("/apple");
  expect(new Chroot("/app").toClient("/other")).toBe("/other");
});
