import { expect, test } from "vitest";
import { decideTurn } from "./line.ts";

const names = ["_c_b-turn-0000000003", "_c_a-turn-0000000007", "_c_c-turn-0000000005", "other"];

test.each([
  ["the first", "_c_b-turn-0000000003", { kind: "granted" }],
  ["the second", "_c_c-turn-0000000005", { kind: "wait", on: "_c_b-turn-0000000003" }],
  ["the last", "_c_a-turn-0000000007", { kind: "wait", on: "_c_c-turn-0000000005" }],
])("%s", (_, own, decision) => {
  expect(decideTurn(names, own)).toEqual(decision);
});

test("who is not in line is not its first", () => {
  expect(() => decideTurn(names, "_c_d-turn-0000000009")).toThrow("not in the queue");
});
