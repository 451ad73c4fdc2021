import { expect, test } from "vitest";
import { containerLifetime, type Lifetime, LifetimeTable, persistentLifetime } from "./lifetime-table.ts";

const ephemeral = (owner: bigint): Lifetime => ({ kind: "ephemeral", owner });
const ttl = (ttlMs: number): Lifetime => ({ kind: "ttl", ttlMs });

test("nodes of one session, or of one time to live, share a number; a session and a time are two things", () => {
  const table = new LifetimeTable();
  const all = [ephemeral(7n), ttl(7), ephemeral(8n), ttl(8), persistentLifetime, containerLifetime];
  const numbers = all.map((lifetime) => table.add(lifetime));
  expect(new Set(numbers).size).toBe(all.length);
  expect(all.map((lifetime) => table.add({ ...lifetime }))).toEqual(numbers);
  expect(numbers.map((number) => table.get(number))).toEqual(all);
});

test("a number is another's after its last use, and not before; what is common to many is always there", () => {
  const table = new LifetimeTable();
  const first = table.add(ephemeral(1n));
  table.add(ephemeral(1n));
  table.remove(first);
  expect(table.get(first)).toEqual(ephemeral(1n));
  table.remove(first);
  expect(table.add(ttl(5))).toBe(first);
  expect(table.get(first)).toEqual(ttl(5));
  expect(table.add(ephemeral(1n))).not.toBe(first);
  for (const lifetime of [persistentLifetime, containerLifetime]) {
    const number = table.add(lifetime);
    table.remove(number);
    table.remove(number);
    expect(table.get(number)).toBe(lifetime);
  }
});
