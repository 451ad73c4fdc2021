/** Access lists as text: `cdrwa world:anyone`, with zkCli's letters. */
import { type Acl, Permission } from "@corral/client";

const letters = [
  ["c", Permission.create],
  ["d", Permission.delete],
  ["r", Permission.read],
  ["w", Permission.write],
  ["a", Permission.admin],
] as const;

/** One entry as text. */
export function aclEntryText({ perms, id }: Acl): string {
  const shown = letters.flatMap(([letter, bit]) => ((perms & bit) === 0 ? [] : [letter])).join("");
  return `${shown === "" ? "-" : shown} ${id.scheme}:${id.id}`;
}

/** The entry that a text stands for; undefined if it is none. */
export function parseAclEntry(text: string): Acl | undefined {
  const [, shown, scheme, id] = /^([cdrwa]+|-) ([^: ]+):(.*)$/s.exec(text) ?? [];
  if (shown === undefined || scheme === undefined || id === undefined) return undefined;
  const perms = letters.reduce((bits, [letter, bit]) => (shown.includes(letter) ? bits | bit : bits), 0);
  return { perms, id: { scheme, id } };
}
