import { describe, expect, it } from "vitest";
import { paceFor, parseOptions } from "./options.ts";

const parse = (...args: string[]) => parseOptions(args, "/somewhere");
const defaults = { input: undefined, workers: 3, masters: 2, kill: true, paceMs: undefined, keep: false };

describe("parseOptions", () => {
  it.each([
    [[], {}],
    [["--no-kill"], { kill: false }],
    [["--kill"], { kill: true }],
    [["--workers", "5", "--masters=1"], { workers: 5, masters: 1 }],
    [["--input", "texts"], { input: "/somewhere/texts" }],
    [["--input", "/texts"], { input: "/texts" }],
    [["--pace", "0"], { paceMs: 0 }],
    [["--keep"], { keep: true }],
  ])("%j", (args, expected) => {
    expect(parse(...args)).toEqual({ kind: "run", options: { ...defaults, ...expected } });
  });

  it.each([
    [["--workers", "0"], /--workers.*'0'.*Give --workers a whole number from 1 to 32/],
    [["--workers", "two"], /Give --workers a whole number/],
    [["--workers", "-1"], /--workers/],
    [["--workers", "1.5"], /Give --workers a whole number/],
    [["--masters", "10"], /Give --masters a whole number from 1 to 9/],
    [["--masters"], /--masters/],
    [["--pace", "1e3"], /Give --pace a whole number/],
    [["--input", ""], /Give --input the path of a directory/],
    [["--wokers", "2"], /unknown option '--wokers'[\s\S]*Did you mean --workers/],
    [["surplus"], /too many arguments/],
  ])("%j is refused", (args, message) => {
    const parsed = parse(...args);
    expect(parsed).toMatchObject({ kind: "exit", exitCode: 2 });
    expect(parsed.kind === "exit" && parsed.text).toMatch(message);
  });

  it("answers --help", () => {
    const parsed = parse("--help");
    expect(parsed).toMatchObject({ kind: "exit", exitCode: 0 });
    expect(parsed.kind === "exit" && parsed.text).toMatch(/--no-kill[\s\S]*Exit codes/);
  });
});

describe("paceFor", () => {
  it("spreads the tasks over a time that can be watched", () => {
    expect((paceFor(51, 3) * 51) / 3).toBeCloseTo(16_000, -3);
  });
  it("keeps a single task within bounds", () => {
    expect(paceFor(1, 3)).toBe(8_000);
  });
});
