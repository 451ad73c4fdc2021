/** The rules of a sharded group in every interleaving of its members, one of whom may die at any step. */
import { describe, expect, test } from "vitest";
import { explore } from "../support/explore.ts";
import { shardsModel } from "./group-membership-model.ts";

describe("shards", () => {
  test.each([
    [2, ["a"], 0],
    [2, ["a", "b"], 1],
    [2, ["a", "b", "c"], 0],
    [3, ["a"], 1],
  ])(
    "%i members, shards %j, %i dies: one owner at a time, and in the end an even division",
    (members, shards, deaths) => {
      const { states, finals } = explore(shardsModel({ members, shards, deaths }));
      expect(states).toBeGreaterThan(100);
      expect(finals).toBeGreaterThan(0);
    },
  );

  test("the model finds two owners, when a shard is taken without waiting for its release", () => {
    const model = shardsModel({ members: 2, shards: ["a", "b"], deaths: 0, contend: false });
    expect(() => explore(model)).toThrow("is owned by");
  });
});
