import type { Client } from "@corral/client";
import { nodeClock } from "@corral/io";
import { expect, test } from "vitest";
import { beginWait, type WaitOptions } from "./wait.ts";

const client = { clock: nodeClock } as unknown as Client;

test.each([Number.NaN, -1, "5s", null])("a wait of %j is refused, and what it was", (timeoutMs) => {
  const begin = () => beginWait(client, "The lock", "/lock", { timeoutMs } as WaitOptions);
  expect(begin).toThrow(expect.objectContaining({ name: "BadArgumentsError", path: "/lock" }));
  expect(begin).toThrow(/timeoutMs is ("5s"|NaN|-1|null)\. Give a number/);
});

test("a wait of Infinity has no end", () => {
  using wait = beginWait(client, "The lock", "/lock", { timeoutMs: Number.POSITIVE_INFINITY });
  expect(wait.signal.aborted).toBe(false);
});
