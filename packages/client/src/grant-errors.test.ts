import { expect, test } from "vitest";
import { CoordinationError, isRecoverable } from "./errors.ts";
import { GrantLostError, isGrantLostError, isWaitTimeoutError, WaitTimeoutError } from "./grant-errors.ts";

test("a lost grant says which node, why, and what to do", () => {
  const error = new GrantLostError("/lock/a", "session lost");
  expect(error).toBeInstanceOf(CoordinationError);
  expect(error).toMatchObject({ name: "GrantLostError", code: "GrantLost", path: "/lock/a", reason: "session lost" });
  expect(error.message).toBe("/lock/a is not held any more: session lost. Stop acting on it, and acquire it again.");
  expect([isGrantLostError(error), isWaitTimeoutError(error), isRecoverable(error)]).toEqual([true, false, false]);
});

test("a wait that took too long says for what, where and how long", () => {
  const error = new WaitTimeoutError("the lock", "/lock", 500);
  expect(error).toMatchObject({ name: "WaitTimeoutError", code: "WaitTimeout", path: "/lock", timeoutMs: 500 });
  expect(error.message).toBe(
    "the lock /lock did not come within 500 ms. Allow more time, or see with explain() who is in the way.",
  );
  expect([isGrantLostError(error), isWaitTimeoutError(error)]).toEqual([false, true]);
});
