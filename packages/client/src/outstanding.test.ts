import { expect, test } from "vitest";
import { Outstanding, xidAfter } from "./outstanding.ts";

test("answers are to requests in order, pings and credentials in orders of their own", () => {
  const outstanding = new Outstanding<string>();
  expect(outstanding.request("a", 1)).toBe(1);
  outstanding.ping(2);
  const auth = { scheme: "digest", auth: null };
  outstanding.auth(auth, 3);
  expect(outstanding.request("b", 4)).toBe(2);
  expect(outstanding.answered(-4)).toEqual({ type: "auth", sentMs: 3, auth });
  expect(outstanding.answered(1)).toMatchObject({ type: "request", sentMs: 1, what: "a" });
  expect(outstanding.answered(-2)).toEqual({ type: "ping", sentMs: 2 });
  expect(outstanding.requests).toBe(1);
  expect(outstanding.drain()).toEqual(["b"]);
  expect(outstanding.requests).toBe(0);
});

test("answers to nothing that is due are told, and what was due stays", () => {
  const outstanding = new Outstanding<string>();
  outstanding.request("a", 1);
  outstanding.request("b", 1);
  const problem = "an answer to request 2; the one to request 1 was due";
  expect(outstanding.answered(2)).toEqual({ type: "unexpected", problem });
  expect(outstanding.answered(-2)).toEqual({ type: "unexpected", problem: "an answer to a ping; none was due" });
  expect(outstanding.answered(-4)).toMatchObject({ type: "unexpected" });
  expect(outstanding.drain()).toEqual(["a", "b"]);
  expect(outstanding.answered(1)).toMatchObject({ type: "unexpected" });
});

test("numbers of requests wrap to 1", () => {
  expect([0, 1, 2 ** 31 - 2, 2 ** 31 - 1].map(xidAfter)).toEqual([1, 2, 2 ** 31 - 1, 1]);
});
