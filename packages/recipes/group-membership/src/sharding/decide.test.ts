import { describe, expect, test } from "vitest";
import { decidePlan, decidePlanner, decideShard, decideShards, memberNames } from "./decide.ts";
import { partition } from "./partition.ts";
import { decodePlan, encodePlan } from "./plan.ts";

const ticket = (guid: number, name: string, sequence: number): string =>
  `_c_${String(guid).padStart(8, "0")}-0000-4000-8000-000000000000-${name}-member-${String(sequence).padStart(10, "0")}`;

describe("members", () => {
  test("are named as they asked to be, each once, whatever is in a name", () => {
    const tickets = [ticket(1, "b", 2), ticket(2, "a-member-0000000001", 1), ticket(3, "b", 3), "something else"];
    expect(memberNames(tickets)).toEqual(["a-member-0000000001", "b"]);
  });

  test("the one that came first plans, each of the others waits for the one before it", () => {
    const [first, second, third] = [ticket(9, "z", 1), ticket(5, "a", 2), ticket(7, "m", 3)] as const;
    const all = [third, first, second];
    expect(decidePlanner(all, first)).toEqual({ kind: "granted" });
    expect(decidePlanner(all, second)).toEqual({ kind: "wait", on: first });
    expect(decidePlanner(all, third)).toEqual({ kind: "wait", on: second });
    expect(() => decidePlanner([first], second)).toThrow("not in the queue");
  });
});

test("a shard is the first one's, whose library it may be", () => {
  const names = ["9e1f__lock__0000000003", "_c_1-lock-0000000004", "_c_2-lock-0000000002"];
  expect(decideShard(names, "_c_2-lock-0000000002")).toEqual({ kind: "granted" });
  expect(decideShard(names, "_c_1-lock-0000000004")).toEqual({ kind: "wait", on: "9e1f__lock__0000000003" });
});

describe("a plan", () => {
  const shards = ["a", "b", "c"];

  test("is made when there is none, left alone while it is right, and made anew when it is not", () => {
    const first = decidePlan(shards, ["m"], new Map(), partition);
    expect(first).toEqual(new Map(shards.map((shard) => [shard, "m"])));
    expect(decidePlan(shards, ["m"], first ?? new Map(), partition)).toBeUndefined();
    expect(decidePlan(shards, ["m", "n"], first ?? new Map(), partition)?.size).toBe(3);
    expect(decidePlan(["a"], ["m"], first ?? new Map(), partition)).toEqual(new Map([["a", "m"]]));
    expect(decidePlan(shards, [], first ?? new Map(), partition)).toBeUndefined();
  });

  test.each([
    ["nobody", new Map([["a", "m"]])],
    ["somebody who is not a member", new Map(shards.map((shard) => [shard, "stranger"]))],
  ])("that gives a shard to %s is refused", (_, owners) => {
    expect(() => decidePlan(shards, ["m"], new Map(), () => owners)).toThrow("not a member");
  });

  test("says what to begin and what to end", () => {
    const plan = new Map([
      ["a", "m"],
      ["b", "m"],
      ["c", "n"],
    ]);
    expect(decideShards(plan, "m", ["b", "c", "gone"])).toEqual({ begin: ["a"], end: ["c", "gone"] });
    expect(decideShards(plan, "nobody", [])).toEqual({ begin: [], end: [] });
  });

  test("is written and read; what cannot be read is none", async () => {
    const owners = partition(["a", "b", "c"], ["m", "n"]);
    expect(await decodePlan(await encodePlan(owners))).toEqual(owners);
    for (const data of [null, Buffer.from("x"), Buffer.from([0x93, 1, 2, 3]), Buffer.from([0xc1])]) {
      expect(await decodePlan(data)).toEqual(new Map());
    }
  });
});
