/**
 * Access lists as text: `cdrwa world:anyone`, with zkCli's letters. Servers keep bits that have no letter, so these follow
 * as a number, `rw+0x60 world:anyone`: the text stands for exactly one entry, and so a dump's digest fits what is read of it.
 */
import { type Acl, Permission, permissionLetters, permissionsOfLetters } from "@corral/client";

/** One entry as text. */
export function aclEntryText({ perms, id }: Acl): string {
  const letters = permissionLetters(perms);
  // The bits of a negative number, as a request has them.
  const others = (perms & ~Permission.all) >>> 0;
  return `${letters === "" ? "-" : letters}${others === 0 ? "" : `+0x${others.toString(16)}`} ${id.scheme}:${id.id}`;
}

/** The entry that a text stands for; undefined if it is none. */
export function parseAclEntry(text: string): Acl | undefined {
  const [, letters, others = "0", scheme, id] =
    /^([cdrwa]+|-)(?:\+0x([0-9a-f]{1,8}))? ([^: ]+):(.*)$/s.exec(text) ?? [];
  if (letters === undefined || scheme === undefined || id === undefined) return undefined;
  return { perms: permissionsOfLetters(letters) | Number.parseInt(others, 16), id: { scheme, id } };
}
