import { expect, test } from "vitest";
import { Permission, permissionLetters, permissionsOfLetters } from "./permissions.ts";

test("permissions have letters, always in one order, and letters have their bits in any", () => {
  expect(permissionLetters(Permission.all)).toBe("cdrwa");
  expect(permissionLetters(Permission.admin | Permission.read)).toBe("ra");
  expect(permissionLetters(0)).toBe("");
  expect(permissionsOfLetters("ar")).toBe(Permission.admin | Permission.read);
  expect(permissionsOfLetters("-")).toBe(0);
  for (let perms = 0; perms <= Permission.all; perms++) {
    expect(permissionsOfLetters(permissionLetters(perms))).toBe(perms);
  }
});
