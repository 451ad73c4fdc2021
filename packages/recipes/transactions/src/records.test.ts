import { msgpack } from "@corral/client";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeTransaction, decodeVote, encodeTransaction, encodeVote, reasonOf } from "./records.ts";

const outcome = fc.record({
  decision: fc.constantFrom("commit" as const, "abort" as const),
  by: fc.string(),
  reason: fc.string(),
});

test("a transaction comes back as it was written", () => {
  const record = fc.record({
    participants: fc.array(fc.string(), { minLength: 1 }),
    voteTimeoutMs: fc.nat(),
    label: fc.string(),
    outcome: fc.option(outcome, { nil: undefined }),
  });
  fc.assert(
    fc.property(record, (written) => {
      expect(decodeTransaction(encodeTransaction(written))).toEqual(written);
    }),
  );
});

test("a vote comes back as it was written, and none is none", () => {
  const written = { vote: "abort", reason: "out of stock" } as const;
  expect(decodeVote(encodeVote(written))).toEqual(written);
  expect(decodeVote(null)).toBeUndefined();
  expect(decodeVote(Buffer.alloc(0))).toBeUndefined();
});

test.each([
  ["nothing", null],
  ["text", Buffer.from("commit")],
  ["a number", msgpack.encode(7)],
  ["a format to come", msgpack.encode({ format: 2, vote: "commit", participants: [], voteTimeoutMs: 1 })],
  ["something else", msgpack.encode({ format: 1, vote: "maybe", participants: "all" })],
])("%s is neither", (_, data) => {
  expect(() => decodeTransaction(data as Uint8Array | null)).toThrow();
  if (data !== null) expect(() => decodeVote(data as Uint8Array)).toThrow();
});

test("a reason is the message of an error, and not too long", () => {
  expect(reasonOf(new Error("out of stock"))).toBe("out of stock");
  expect(reasonOf("x".repeat(10_000)).length).toBeLessThan(1_000);
});
