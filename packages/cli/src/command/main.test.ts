import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { run } from "./main.ts";

async function corral(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const texts = { stdout: "", stderr: "" };
  const sink = (name: keyof typeof texts) =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[name] += chunk.toString();
        done();
      },
    });
  const stdin = (async function* (): AsyncGenerator<string> {})();
  const { signal } = new AbortController();
  const code = await run(args, { stdout: sink("stdout"), stderr: sink("stderr"), stdin, variables, signal });
  return { code, ...texts };
}

describe("what cannot be meant so ends with 2, before anybody is connected to", () => {
  test.each([
    [["get"], "missing required argument 'path'"],
    [["frobnicate"], "unknown command"],
    [["get", "/", "--frobnicate"], "unknown option"],
    [["get", "/", "more"], "too many arguments"],
    [["get", "/", "--timeout", "0"], "a whole number of milliseconds from 1 to 999999999."],
    [["create", "/a", "--ttl", "0"], "a whole number of milliseconds from 1 to 1099511627775."],
    [["create", "/a", "--ttl", "99999999999999"], "a whole number of milliseconds from 1 to 1099511627775."],
    [["import", "--from", "host", "--ttl", "/a=0"], "a whole number of milliseconds from 1 to 1099511627775."],
    [["delete", "/a", "--data-version", "2147483648"], "a whole number from 0 to 2147483647."],
    [["acl", "/", "--set", "everything"], "letters of cdrwa"],
    [["watch", "/", "--count", "0"], "a whole number from 1 to 999999999."],
    [["get", "/"], "or set CORRAL_CONNECT"],
    [["get", "/", "--connect", "host:port"], "is not a port"],
    [["get", "/", "--connect", "host", "--tls-ca", "/no/such/file"], "tls-ca cannot be read"],
    [["import", "--to", "host"], "--from host:2181."],
    [["export"], "--from host:2181, or set CORRAL_CONNECT"],
    [["import", "--from", "host", "--on-conflict", "guess"], "Allowed choices"],
    [["import", "--from", "host", "--ttl", "/a"], "a path and milliseconds"],
    [["dump", "--exclude", "a"], "beginning with /"],
    [["load", "/no/such/file"], "cannot be read"],
  ] as const)("%j", async (args, message) => {
    const { code, stdout, stderr } = await corral(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("secrets that are not written as they should be", async () => {
    expect(await corral(["get", "/"], { CORRAL_CONNECT: "host", CORRAL_SASL: "bob" })).toMatchObject({
      code: 2,
      stderr: "corral: CORRAL_SASL must be user:password.\n",
    });
    const plain = { CORRAL_CONNECT: "host", CORRAL_SASL: "bob:x", CORRAL_SASL_MECHANISM: "PLAIN" };
    expect(await corral(["get", "/"], plain)).toMatchObject({
      code: 2,
      stderr: "corral: CORRAL_SASL_MECHANISM must be DIGEST-MD5 or SCRAM-SHA-256.\n",
    });
  });
});

test("help is no error, and has every verb and exit code", async () => {
  const { code, stdout } = await corral(["--help"]);
  expect(code).toBe(0);
  for (const word of ["get", "set", "create", "delete", "ls", "stat", "acl", "tree", "explain", "watch"]) {
    expect(stdout).toMatch(new RegExp(`^  ${word} `, "m"));
  }
  for (const word of ["import", "export", "dump", "load"]) expect(stdout).toMatch(new RegExp(`^  ${word} `, "m"));
  expect(stdout.replace(/\s+/g, " ")).toContain("0 done, 1 failed, 2 wrong usage, 3 no such node");
  expect((await corral(["import", "--help"])).stdout).toContain("--on-conflict <policy>");
});
