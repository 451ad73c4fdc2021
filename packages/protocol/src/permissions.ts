/** Permissions and access control lists. */
import type { Acl } from "./records/shared.ts";

/** The bits of `Acl.perms`. */
export const Permission = {
  read: 1,
  write: 2,
  create: 4,
  delete: 8,
  admin: 16,
  all: 31,
} as const;

const letters = [
  ["c", Permission.create],
  ["d", Permission.delete],
  ["r", Permission.read],
  ["w", Permission.write],
  ["a", Permission.admin],
] as const;

/** `Acl.perms` as zkCli writes them: letters of `cdrwa`, in that order; `""` for none. */
export function permissionLetters(perms: number): string {
  return letters.map(([letter, bit]) => ((perms & bit) === 0 ? "" : letter)).join("");
}

/** The bits that letters of `cdrwa` stand for, in any order; other characters stand for none. */
export function permissionsOfLetters(text: string): number {
  return letters.reduce((bits, [letter, bit]) => (text.includes(letter) ? bits | bit : bits), 0);
}

/** Everybody may do everything: the ACL of a node for which none was asked. */
export const openAcl: readonly Acl[] = [{ perms: Permission.all, id: { scheme: "world", id: "anyone" } }];

/** Everybody may read, nobody may change. */
export const readOnlyAcl: readonly Acl[] = [{ perms: Permission.read, id: { scheme: "world", id: "anyone" } }];

/** Who authenticated on the creating connection may do everything. */
export const creatorAllAcl: readonly Acl[] = [{ perms: Permission.all, id: { scheme: "auth", id: "" } }];
