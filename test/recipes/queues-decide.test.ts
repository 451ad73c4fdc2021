/** The rules of a queue in every interleaving of its consumers, each of whom may die at any step. */
import { describe, expect, test } from "vitest";
import { explore } from "../support/explore.ts";
import { type QueueRules, queueModel } from "./queues-model.ts";

const rules: QueueRules = { consumers: 2, items: 2, maxDeliveries: 2, deaths: 0, thefts: 0 };

describe("each item ends in one place, no delivery is ended by an earlier one, and nobody waits while there is something", () => {
  test.each<[string, Partial<QueueRules>]>([
    ["two consumers, two items", {}],
    ["and one consumer dies", { deaths: 1 }],
    ["and a claim is deleted by hand", { thefts: 1, items: 1, maxDeliveries: 3 }],
    ["and both", { deaths: 1, thefts: 1, items: 1, maxDeliveries: 3 }],
    ["and items are put back at the end", { ends: ["requeue"], items: 1, deaths: 1 }],
    ["three consumers, one item, and one dies", { consumers: 3, items: 1, deaths: 1, ends: [] }],
  ])("%s", (_, more) => {
    const { states, finals } = explore(queueModel({ ...rules, ...more }));
    expect(states).toBeGreaterThan(1_000);
    expect(finals).toBeGreaterThan(0);
  });
});

describe("the model finds", () => {
  test("an end by an earlier delivery, when versions are not looked at", () => {
    const careless = { ...rules, items: 1, thefts: 1, maxDeliveries: 3, acknowledgesByVersion: false };
    expect(() => explore(queueModel(careless))).toThrow("earlier delivery");
  });

  test("an item that nobody takes up again, when the first in line does not watch the claims", () => {
    expect(() => explore(queueModel({ ...rules, items: 1, deaths: 1, watchesClaims: false }))).toThrow(
      "everybody waits",
    );
  });

  test("a herd, when nobody stands in line", () => {
    expect(() => explore(queueModel({ ...rules, standsInLine: false }))).toThrow("2 watch the queue");
  });

  test("an item that is delivered too often, when it is put back without its count", () => {
    const forgetful = { ...rules, items: 1, ends: ["requeue"] as const, countsOn: false };
    expect(() => explore(queueModel(forgetful))).toThrow("delivered too often");
  });
});
