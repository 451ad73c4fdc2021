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

/** Everybody may do everything: the ACL of a node for which none was asked. */
export const openAcl: readonly Acl[] = [{ perms: Permission.all, id: { scheme: "world", id: "anyone" } }];

/** Everybody may read, nobody may change. */
export const readOnlyAcl: readonly Acl[] = [{ perms: Permission.read, id: { scheme: "world", id: "anyone" } }];

/** Who authenticated on the creating connection may do everything. */
export const creatorAllAcl: readonly Acl[] = [{ perms: Permission.all, id: { scheme: "auth", id: "" } }];
