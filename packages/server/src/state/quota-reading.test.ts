/** What is read in quotas' nodes: the same as ever, in no more time than it takes to look at the text, and once for each text. */
import { ErrorCode, type MultiOperation, OpCode, openAcl } from "@corral/protocol";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StateDriver } from "../../test-support/state-driver.ts";
import { parseQuotaLimits } from "./quota.ts";
import { Znode } from "./znode.ts";

afterEach(() => vi.restoreAllMocks());

describe("the text of a quota's node", () => {
  /** As the reference reads it, step by step. Logs hold what came of that. */
  function parseSlowly(text: string) {
    const limits: Record<string, number> = { count: -1, bytes: -1, countHardLimit: -1, byteHardLimit: -1 };
    if (text === "") return limits;
    for (const pair of text.replace(/[,;]+$/, "").split(/[,;]+/)) {
      const [name = "", value] = pair.replace(/=+$/, "").split("=");
      if (value === undefined || !/^([+-]?\d+)?$/.test(value)) return undefined;
      const number = value === "" ? -1 : Number(value);
      if (Math.abs(number) >= 2 ** 63) return undefined;
      if (Object.hasOwn(limits, name)) limits[name] = number;
    }
    return limits;
  }

  test("means what it always did", () => {
    const names = fc.constantFrom("count", "bytes", "countHardLimit", "byteHardLimit", "other", "__proto__", "");
    const values = fc.constantFrom("5", "-1", "+7", "007", "9223372036854775807", "9223372036854774784", "x", "-", "");
    const marks = fc.stringMatching(/^[=,;]{0,3}$/);
    const pairs = fc.tuple(names, marks, values, marks).map((parts) => parts.join(""));
    // Mostly sound ones, for whatever is wrong anywhere makes all of a text wrong.
    const sound = fc
      .tuple(names, fc.constantFrom("5", "-1", "+7", "007", "=8"), fc.constantFrom(",", ";", ",;", "=;", "=9x,"))
      .map(([name, value, end]) => `${name}=${value}${end}`);
    const texts = fc
      .array(fc.oneof({ weight: 4, arbitrary: sound }, pairs), { maxLength: 6 })
      .map((all) => all.join(""));
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseQuotaLimits(Buffer.from(text))).toEqual(parseSlowly(text));
      }),
      { numRuns: 3_000 },
    );
  });

  // Where each mark of a row was gone through again for every one of them, such a row took a quarter of an hour and more.
  const row = 1_000_000;
  test.each([
    ["commas and then more", `${",".repeat(row)}count=1`, undefined],
    ["commas in the middle", `count=1${",".repeat(row)}bytes=2`, { count: 1, bytes: 2 }],
    ["equals signs and then more", `count${"=".repeat(row)}x`, { count: -1 }],
    ["equals signs before a comma", `count=1${"=".repeat(row)},bytes=2`, { count: 1, bytes: 2 }],
    ["equals signs alone", "=".repeat(row), undefined],
    ["a name", "a".repeat(row), undefined],
    ["digits", `count=${"0".repeat(row)}1x`, undefined],
  ])("is gone through once: %s", (_what, text, numbers) => {
    const read = parseQuotaLimits(Buffer.from(text));
    expect(read).toEqual(numbers && expect.objectContaining(numbers));
  });
});

describe("writes below a quota", () => {
  const limits = "/zookeeper/quota/q/zookeeper_limits";
  const stats = "/zookeeper/quota/q/zookeeper_stats";
  let d: StateDriver;

  const create = (path: string, text = ""): MultiOperation => ({
    type: OpCode.create,
    path,
    data: Buffer.from(text),
    acl: openAcl,
    flags: 0,
  });
  const set = (path: string, text: string): MultiOperation => ({
    type: OpCode.setData,
    path,
    data: Buffer.from(text),
    version: -1,
  });
  const remove = (path: string): MultiOperation => ({ type: OpCode.delete, path, version: -1 });
  const fails = remove("/missing");

  /** How often somebody asks for the data of the nodes at `paths` while `run` goes on. */
  function readsOf(paths: readonly string[], run: () => void): number {
    const numbers = paths.map((path) => d.state.tree.get(path)?.number);
    let reads = 0;
    const data = Object.getOwnPropertyDescriptor(Znode.prototype, "data")?.get;
    const spy = vi.spyOn(Znode.prototype, "data", "get").mockImplementation(function (this: Znode) {
      if (numbers.includes(this.number)) reads++;
      return data?.call(this) as Buffer | null;
    });
    run();
    spy.mockRestore();
    return reads;
  }

  beforeEach(() => {
    d = new StateDriver();
    d.session(1n);
    d.enforcesQuota = true;
    for (const path of ["/q", "/zookeeper/quota/q"]) d.create(path);
    d.multi(create(limits, "countHardLimit=3"), create(stats));
  });

  const many = (from: number) => Array.from({ length: 50 }, (_, i) => create(`/q/${from + i}`));

  test("read the limits once for each text, in transactions that fail also", () => {
    d.multi(set(limits, "countHardLimit=1000"));
    const run = () => {
      d.multi(...many(0));
      d.multi(...many(50), fails);
      d.create("/q/x");
    };
    expect(readsOf([limits], run)).toBe(1);
    // Once for the copy that would be put back.
    expect(readsOf([limits], () => d.multi(set(limits, "countHardLimit=2000"), ...many(100)))).toBe(1 + 1);
    expect(readsOf([limits], () => d.multi(...many(200)))).toBe(0);
  });

  test("read once what cannot be read", () => {
    d.multi(set(limits, ""), set(stats, "x"));
    d.enforcesQuota = false;
    expect(readsOf([limits, stats], () => d.multi(...many(0)))).toBe(2);
  });

  test("read a text no more because of a short transaction that puts another in its place and fails", () => {
    const run = () => {
      // Each time for the copy that is put back, and what stands there meanwhile.
      for (let i = 0; i < 10; i++) d.multi(create("/q/x"), set(limits, ""), create("/q/y"), fails);
    };
    expect(readsOf([limits], run)).toBe(1 + 10 * 2);
    expect(readsOf([limits], () => d.multi(create("/q/x")))).toBe(0);
  });

  test.each([
    ["set", [set(limits, "")]],
    ["removed", [remove(limits)]],
    ["removed and made anew", [remove(limits), create(limits), create("/q/x")]],
    [
      "made anew twice",
      [remove(limits), create(limits, "x"), remove(limits), create(limits, "count=9"), create("/q/x")],
    ],
  ])("go by the limits that there were before a transaction that failed: %s", (_what, changes) => {
    d.multi(create("/q/1"), ...changes, create("/q/2"), create("/q/3"), create("/q/4"), fails);
    d.multi(create("/q/1"), create("/q/2"));
    expect(d.create("/q/3")).toEqual({ type: "error", code: ErrorCode.QuotaExceeded });
  });

  test("go by limits that were removed and made anew", () => {
    d.create("/q/1");
    d.multi(remove(limits));
    d.create("/other");
    d.multi(create(limits, "countHardLimit=2"));
    expect(d.create("/q/2")).toEqual({ type: "error", code: ErrorCode.QuotaExceeded });
  });
});
