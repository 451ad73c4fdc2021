import { expect, test } from "vitest";
import { type ItemName, parseItemName } from "./item-name.ts";
import { limits } from "./limits.ts";
import { Prospects } from "./prospects.ts";

const items = Array.from({ length: 100 }, (_, i) => parseItemName(`queue-${String(i).padStart(10, "0")}`) as ItemName);
const shown = (): Prospects => {
  const prospects = new Prospects();
  prospects.show(items, 0);
  return prospects;
};

test("one who meets nobody takes them in order, whatever chance says", () => {
  const prospects = shown();
  for (const [i, fraction] of [0, 0.5, 0.999].entries()) {
    expect(prospects.next(1, fraction)).toBe(items[i]);
    prospects.tried(true);
  }
});

test("one who meets others tries farther back, and comes forward again when it meets nobody", () => {
  const prospects = shown();
  const places: number[] = [];
  const step = (won: boolean) => {
    places.push(prospects.next(1, 0.999)?.sequence ?? Number.NaN);
    prospects.tried(won);
  };
  for (const won of [false, false, false, true, true, true, true]) step(won);
  expect(places).toEqual([0, 2, 5, 10, 6, 3, 1]);
});

test("they are forgotten after a while, when they are used up, and when they are not in order any more", () => {
  const prospects = shown();
  for (let i = 0; i < limits.prospects; i++) expect(prospects.next(1, 0)).toBe(items[i]);
  expect(prospects.next(1, 0)).toBeUndefined();
  prospects.show(items, 0);
  expect(prospects.next(limits.prospectsMs, 0)).toBeUndefined();
  prospects.show(items, 0);
  prospects.forget();
  expect(prospects.next(1, 0)).toBeUndefined();
});

test("where new ones may belong before them, they are good until something is put", () => {
  const prospects = new Prospects();
  expect(prospects.isEmpty).toBe(true);
  prospects.show(items, 0, 42);
  expect([prospects.isEmpty, prospects.isCurrent(42), prospects.isCurrent(44)]).toEqual([false, true, false]);
});
