/** Defaults and what is stored, put together. Pure. */

/** Of a configuration the part that somebody has decided: any part, at any depth. Lists and other values are whole. */
export type Overrides<I> = I extends
  | string
  | number
  | boolean
  | bigint
  | symbol
  | null
  | undefined
  | Date
  | Uint8Array
  | readonly unknown[]
  ? I
  : I extends object
    ? { readonly [K in keyof I]?: Overrides<I[K]> }
    : I;

/** Whether it is a group of named members, and not a list, bytes, or a value of a class. */
export function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** `over` where it says something, `base` where it does not. Groups are put together member by member. */
export function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isGroup(base) || !isGroup(over)) return over;
  const names = new Set([...Object.keys(base), ...Object.keys(over)]);
  // Made of entries: a member called __proto__ is then a member like any other.
  return Object.fromEntries([...names].map((name) => [name, merge(own(base, name), own(over, name))]));
}

function own(group: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(group, name) ? group[name] : undefined;
}
