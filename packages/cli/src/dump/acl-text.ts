/** Access lists as text: `cdrwa world:anyone`, with zkCli's letters. */
import { type Acl, permissionLetters, permissionsOfLetters } from "@corral/client";

/** One entry as text. */
export function aclEntryText({ perms, id }: Acl): string {
  const shown = permissionLetters(perms);
  return `${shown === "" ? "-" : shown} ${id.scheme}:${id.id}`;
}

/** The entry that a text stands for; undefined if it is none. */
export function parseAclEntry(text: string): Acl | undefined {
  const [, shown, scheme, id] = /^([cdrwa]+|-) ([^: ]+):(.*)$/s.exec(text) ?? [];
  if (shown === undefined || scheme === undefined || id === undefined) return undefined;
  return { perms: permissionsOfLetters(shown), id: { scheme, id } };
}
