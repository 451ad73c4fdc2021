import { expect, test } from "vitest";
import { containerLifetime, type Lifetime, lifetimeKey, persistentLifetime } from "./lifetime.ts";
import { SharedValues } from "./shared-values.ts";

const ephemeral = (owner: bigint): Lifetime => ({ kind: "ephemeral", owner });
const ttl = (ttlMs: number): Lifetime => ({ kind: "ttl", ttlMs });
const lifetimes = () => new SharedValues<Lifetime>(lifetimeKey, persistentLifetime);

test("the same values share a number; a session and a time to live are two things", () => {
  const table = lifetimes();
  const all = [persistentLifetime, ephemeral(7n), ttl(7), ephemeral(8n), ttl(8), containerLifetime];
  const numbers = all.map((lifetime) => table.add(lifetime));
  expect(new Set(numbers).size).toBe(all.length);
  expect(all.map((lifetime) => table.add({ ...lifetime }))).toEqual(numbers);
  expect(numbers.map((number) => table.get(number))).toEqual(all);
});

test("a number is another's after its last use, and not before", () => {
  const table = lifetimes();
  const first = table.add(ephemeral(1n));
  expect(table.add(ephemeral(1n))).toBe(first);
  table.remove(first);
  expect(table.get(first)).toEqual(ephemeral(1n));
  table.remove(first);
  expect(table.get(first)).toBe(persistentLifetime);
  expect(table.add(ttl(5))).toBe(first);
  expect(table.get(first)).toEqual(ttl(5));
  expect(table.add(ephemeral(1n))).not.toBe(first);
});

test("what was added last and is forgotten since is added anew", () => {
  const table = lifetimes();
  const value = ttl(5);
  const first = table.add(value);
  table.remove(first);
  table.add(ttl(6));
  const again = table.add(value);
  expect(table.get(again)).toBe(value);
  expect(again).not.toBe(first);
});
