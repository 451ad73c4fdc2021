/** What is different between two configurations. Pure. */
import { isGroup } from "./merge.ts";

/** One difference. */
export type Difference =
  | { readonly kind: "added"; readonly path: readonly string[]; readonly after: unknown }
  | { readonly kind: "removed"; readonly path: readonly string[]; readonly before: unknown }
  | { readonly kind: "changed"; readonly path: readonly string[]; readonly before: unknown; readonly after: unknown };

/** The differences, in the order of their paths. Groups are compared member by member, all else as a whole. */
export function diff(before: unknown, after: unknown): Difference[] {
  return [...differences([], before, after)];
}

function* differences(path: readonly string[], before: unknown, after: unknown): Generator<Difference> {
  if (isSame(before, after)) return;
  if (before === undefined) yield { kind: "added", path, after };
  else if (after === undefined) yield { kind: "removed", path, before };
  else if (isGroup(before) && isGroup(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    for (const name of names) yield* differences([...path, name], own(before, name), own(after, name));
  } else yield { kind: "changed", path, before, after };
}

/** Whether two values are one, whatever objects they are made of. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  if (!isGroup(a) || !isGroup(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSame(own(a, name), own(b, name)));
}

function own(group: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(group, name) ? group[name] : undefined;
}
