import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { payloadBytesMax } from "./limits.ts";
import {
  decodeMaster,
  decodeStatus,
  decodeTask,
  decodeValue,
  decodeWorker,
  encodeMaster,
  encodeStatus,
  encodeTask,
  encodeValue,
  encodeWorker,
  failureOf,
  type StatusRecord,
} from "./payloads.ts";

const decoders = [decodeTask, decodeWorker, decodeMaster, decodeStatus];

describe("records", () => {
  test("come back as they were written", () => {
    const task = {
      attempts: 2,
      submittedAtMs: 1_700_000_000_000,
      timeoutMs: 500,
      input: encodeValue({ file: "a.txt" }),
    };
    expect(decodeTask(encodeTask(task))).toEqual({ ok: true, value: task });
    const { timeoutMs: _, ...withoutTimeout } = task;
    expect(decodeTask(encodeTask(withoutTimeout))).toEqual({ ok: true, value: withoutTimeout });
    const worker = { guid: "ab", capacity: 4, backlog: 0, draining: false, sessionTimeoutMs: 10_000 };
    expect(decodeWorker(encodeWorker(worker))).toEqual({ ok: true, value: worker });
    const master = { id: "m1", guid: "cd", atMs: 1.5 };
    expect(decodeMaster(encodeMaster(master))).toEqual({ ok: true, value: master });
    const done: StatusRecord = { kind: "done", attempt: 1, by: "w", guid: "g", atMs: 1, value: new Uint8Array([192]) };
    expect(decodeStatus(encodeStatus(done))).toEqual({ ok: true, value: done });
    const failed: StatusRecord = {
      kind: "failed",
      attempt: 5,
      by: "m",
      guid: "g",
      atMs: 1,
      error: { name: "E", message: "no" },
    };
    expect(decodeStatus(encodeStatus(failed))).toEqual({ ok: true, value: failed });
  });

  test("of a later format are told apart from malformed ones, whatever else they hold", () => {
    for (const decoder of decoders) {
      expect(decoder(encode({ v: 2, anything: [1] }))).toMatchObject({ ok: false, problem: "newer" });
      expect(decoder(encode({ v: "1" }))).toMatchObject({ ok: false, problem: "malformed" });
      expect(decoder(encode([1]))).toMatchObject({ ok: false, problem: "malformed" });
      expect(decoder(null)).toMatchObject({ ok: false, problem: "malformed" });
      expect(decoder(new Uint8Array())).toMatchObject({ ok: false, problem: "malformed" });
    }
  });

  test("unknown fields are passed over", () => {
    const bytes = encode({ v: 1, id: "m", guid: "g", atMs: 1, later: true });
    expect(decodeMaster(bytes)).toEqual({ ok: true, value: { id: "m", guid: "g", atMs: 1 } });
  });

  test("a wrong field is named", () => {
    const wrong = (fields: object) =>
      encode({ v: 1, attempts: 0, submittedAtMs: 0, input: new Uint8Array(), ...fields });
    expect(decodeTask(wrong({ attempts: -1 }))).toMatchObject({ detail: expect.stringContaining("attempts") });
    expect(decodeTask(wrong({ input: "text" }))).toMatchObject({ detail: expect.stringContaining("input") });
    expect(decodeTask(wrong({ input: new Uint8Array(payloadBytesMax + 1) }))).toMatchObject({ ok: false });
    expect(decodeTask(wrong({ timeoutMs: 0.5 }))).toMatchObject({ detail: expect.stringContaining("timeoutMs") });
  });

  test("no bytes make a decoder throw", () => {
    const valid = encodeTask({ attempts: 1, submittedAtMs: 2, input: encodeValue([1, "x", { y: 2n }]) });
    const mutated = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Uint8Array.from(valid);
      copy[at] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200, size: "max" }), mutated), (bytes) => {
        for (const decoder of decoders) expect(typeof decoder(bytes).ok).toBe("boolean");
        expect(typeof decodeValue(bytes).ok).toBe("boolean");
      }),
      { numRuns: 500 },
    );
  });
});

describe("values", () => {
  test("keep numbers, 64-bit integers and bytes as they are", () => {
    const value = { n: 2 ** 40, b: 2n ** 60n, bytes: new Uint8Array([1, 2]), list: [null, true, "ü"] };
    expect(decodeValue(encodeValue(value))).toEqual({ ok: true, value });
  });

  test("a list that claims more than there can be is refused", () => {
    expect(decodeValue(new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff]))).toMatchObject({ ok: false });
  });

  test("anything thrown becomes a name and a message of bounded length", () => {
    expect(failureOf(new RangeError("x".repeat(10_000)))).toEqual({ name: "RangeError", message: "x".repeat(4000) });
    expect(failureOf("plain")).toEqual({ name: "Error", message: "plain" });
  });
});
