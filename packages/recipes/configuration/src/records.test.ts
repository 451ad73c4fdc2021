import { msgpack } from "@corral/client";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "./limits.ts";
import {
  type Answer,
  type Cause,
  decodeProposal,
  decodeRevision,
  decodeSubscriber,
  encodeRecord,
  type SubscriberRecord,
  short,
} from "./records.ts";

const bytes = fc.uint8Array({ maxLength: 40 });
const cause: fc.Arbitrary<Cause> = fc.oneof(
  fc.constant({ kind: "edit" as const }),
  fc.constant({ kind: "outside" as const }),
  fc.record({ kind: fc.constant("rollback" as const), to: fc.nat() }),
  fc.record({ kind: fc.constant("proposal" as const), id: fc.string() }),
);
const issue = fc.record({ path: fc.array(fc.string()), message: fc.string() });
const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({ kind: fc.constant("accepts" as const), proposal: fc.string() }),
  fc.record({ kind: fc.constant("refuses" as const), proposal: fc.string(), issues: fc.array(issue) }),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

describe("what was written comes back:", () => {
  test("a version", () => {
    const data = fc.option(bytes);
    const record = fc.record({ data, author: fc.string(), comment: fc.string(), cause, atMs: optional(fc.nat()) });
    fc.assert(fc.property(record, (one) => void expect(decodeRevision(encodeRecord(one))).toEqual(one)));
  });

  test("a proposal", () => {
    const canaries = optional(fc.array(fc.string()));
    const texts = { id: fc.string(), author: fc.string(), comment: fc.string() };
    const record = fc.record({ ...texts, base: fc.nat(), data: bytes, canaries });
    fc.assert(fc.property(record, (one) => void expect(decodeProposal(encodeRecord(one))).toEqual(one)));
  });

  test("a subscriber", () => {
    const record: fc.Arbitrary<SubscriberRecord> = fc.record({
      identity: fc.string(),
      version: optional(fc.nat()),
      tries: optional(fc.string()),
      answer: optional(answer),
    });
    fc.assert(fc.property(record, (one) => void expect(decodeSubscriber(encodeRecord(one))).toEqual(one)));
  });
});

const foreign: [string, unknown][] = [
  ["text", Buffer.from("by hand")],
  ["JSON", Buffer.from('{"format":1}')],
  ["a number", msgpack.encode(7)],
  ["a format to come", msgpack.encode({ format: 2, id: "p", base: 0, data: Buffer.alloc(0), identity: "a" })],
  ["half a record", encodeRecord({ identity: "a", version: 1, tries: undefined, answer: undefined }).subarray(0, 9)],
];

describe.each(foreign)("%s", (_, data) => {
  test("is no version and no proposal", () => {
    expect(() => decodeRevision(data as Uint8Array)).toThrow();
    expect(() => decodeProposal(data as Uint8Array)).toThrow();
  });

  test("is a subscriber that has not answered", () => {
    expect(decodeSubscriber(data as Uint8Array)).toEqual({
      identity: "",
      version: undefined,
      tries: undefined,
      answer: undefined,
    });
  });
});

test("nothing is no proposal, and no version", () => {
  expect(decodeProposal(null)).toBeUndefined();
  expect(decodeProposal(Buffer.alloc(0))).toBeUndefined();
  expect(() => decodeRevision(null)).toThrow();
  expect(decodeSubscriber(null).answer).toBeUndefined();
});

test("members of other types say nothing", () => {
  const odd = msgpack.encode({ format: 1, identity: 5, version: "1", tries: 2, answer: { kind: "accepts" } });
  expect(decodeSubscriber(odd as Uint8Array)).toEqual({
    identity: "",
    version: undefined,
    tries: undefined,
    answer: undefined,
  });
  const version = msgpack.encode({ format: 1, data: "text", cause: { kind: "rollback" } });
  expect(decodeRevision(version as Uint8Array)).toMatchObject({ data: null, cause: { kind: "outside" } });
  const vague = msgpack.encode({ format: 1, answer: { kind: "perhaps", proposal: "p", issues: "many" } });
  expect(decodeSubscriber(vague as Uint8Array).answer).toEqual({ kind: "refuses", proposal: "p", issues: [] });
});

test("texts are cut to what is kept of them", () => {
  expect(short("x".repeat(2_000))).toHaveLength(limits.textLength);
});
