import { expect, test } from "vitest";
import { anInstance } from "../test-support/instances.ts";
import { assess, type Wishes } from "./availability.ts";
import { noFailures } from "./down-policy.ts";

const wishes: Wishes<unknown> = {
  filter: { tags: ["v2"] },
  health: ["passing", "warning"],
  zone: "eu",
  zoneAtLeast: 1,
};
const tags = ["v2"];
const all = [
  anInstance("a", { tags, zone: "eu" }),
  anInstance("b", { tags, zone: "us" }),
  anInstance("c", { zone: "eu" }),
  anInstance("d", { tags, zone: "eu", enabled: false }),
  anInstance("e", { tags, zone: "eu", health: "draining" }),
  anInstance("f", { tags, zone: "eu", health: "critical" }),
  anInstance("g", { tags, zone: "eu", health: "warning" }),
  anInstance("h", { tags, zone: "eu" }),
];
const down = { failedMs: [1], downUntilMs: 10 };
const recordOf = ({ id }: { readonly id: string }) => (id === "h" ? down : noFailures);

test("who may be chosen, and why the others may not", () => {
  const { all: assessed, candidates } = assess(all, wishes, recordOf, 5);
  expect(candidates.map(({ instance }) => instance.id)).toEqual(["a", "g"]);
  expect(Object.fromEntries(assessed.map(({ instance, excluded }) => [instance.id, excluded]))).toEqual({
    a: undefined,
    b: "other zone",
    c: "filtered",
    d: "disabled",
    e: "unhealthy",
    f: "unhealthy",
    g: undefined,
    h: "down",
  });
  expect(assessed.at(-1)?.downUntilMs).toBe(10);
});

test("what is down may be chosen later, or when there is no other choice", () => {
  const ids = (...args: [nowMs: number, evenDown?: boolean]) =>
    assess(all, wishes, recordOf, ...args).candidates.map(({ instance }) => instance.id);
  expect(ids(10)).toEqual(["a", "g", "h"]);
  expect(ids(5, true)).toEqual(["a", "g", "h"]);
});

test("when one's own zone has too few, the others' are taken", () => {
  const { candidates } = assess(all, { ...wishes, zoneAtLeast: 3 }, recordOf, 5);
  expect(candidates.map(({ instance }) => instance.id)).toEqual(["a", "b", "g"]);
});
