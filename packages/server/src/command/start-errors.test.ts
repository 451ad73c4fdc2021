import { describe, expect, test } from "vitest";
import type { ServerSettings } from "../config.ts";
import { explainStart } from "./start-errors.ts";

const nameOf = (setting: string) => `<${setting}>`;
const systemError = (fields: Readonly<Record<string, unknown>>) =>
  Object.assign(new Error(String(fields.code)), fields);
const explained = (fields: Readonly<Record<string, unknown>>, settings: ServerSettings) =>
  explainStart(systemError(fields), settings, nameOf);

describe("a name that nobody knows is named, with the setting that gave it", () => {
  const unknown = { code: "ENOTFOUND", syscall: "getaddrinfo", hostname: "nosuch.invalid" };
  test.each<readonly [string, ServerSettings]>([
    ["host", { clientPort: 22_199, host: "nosuch.invalid", adminPort: 0 }],
    ["host", { clientPort: 0, host: "nosuch.invalid", adminPort: 0 }],
    ["secureHost", { clientPort: 1, secureClientPort: 2, secureHost: "nosuch.invalid" }],
    ["adminHost", { clientPort: 0, adminPort: 0, adminHost: "nosuch.invalid" }],
    ["host", { clientPortEnabled: false, secureClientPort: 2, host: "nosuch.invalid" }],
  ])("%s of %j", (setting, settings) => {
    expect(explained(unknown, settings)).toBe(
      `nosuch.invalid is no address of this machine. Choose another with <${setting}>.`,
    );
  });

  test("also when the system could not look it up just now", () => {
    expect(explained({ ...unknown, code: "EAI_AGAIN" }, { clientPort: 1, host: "nosuch.invalid" })).toBe(
      "nosuch.invalid could not be looked up (EAI_AGAIN). Try again, or give an address with <host>.",
    );
  });
});

test("an address that is another machine's is named, with its setting", () => {
  const elsewhere = { code: "EADDRNOTAVAIL", address: "192.0.2.1" };
  const settings = { clientPort: 0, secureClientPort: 0, secureHost: "192.0.2.1", adminPort: 0 };
  expect(explained(elsewhere, settings)).toContain("192.0.2.1 is no address of this machine. Choose another with <sec");
  // Given by a name, which the error does not tell.
  expect(explained(elsewhere, { clientPort: 0, adminPort: 0, adminHost: "other" })).toBe(
    "other (192.0.2.1) is no address of this machine. Choose another with <adminHost>.",
  );
});

test.each(["::", "0.0.0.0"])("every address is known by what the system calls it: %s", (address) => {
  const settings = { clientPort: 22_199, host: "localhost", adminPort: 22_199, adminHost: "*" };
  const denied = { code: "EACCES", address, port: 22_199 };
  expect(explained(denied, settings)).toContain("<adminPort>");
});

test("of a port that two settings ask for the two are named", () => {
  const inUse = { code: "EADDRINUSE", address: "127.0.0.1", port: 22_199 };
  expect(explained(inUse, { clientPort: 22_199, adminPort: 22_199 })).toBe(
    "<clientPort> and <adminPort> are both port 22199. Choose another for one of them.",
  );
  expect(explained(inUse, { clientPort: 22_199, secureClientPort: 22_199, secureHost: "0.0.0.0" })).toContain(
    "<clientPort> and <secureClientPort> are both",
  );
  const every = { clientPort: 22_199, secureClientPort: 22_199, host: "*", secureHost: "127.0.0.2" };
  for (const address of ["::", "0.0.0.0"]) {
    expect(explained({ ...inUse, address }, every)).toContain("<clientPort> and <secureClientPort> are both");
  }
  // Each on an address of its own can have it.
  expect(explained(inUse, { clientPort: 22_199, adminPort: 22_199, adminHost: "127.0.0.2" })).toBe(
    "Port 22199 is in use by another program. Stop it, or choose another port with <clientPort>.",
  );
  expect(explained(inUse, { clientPort: 22_199, clientPortEnabled: false, adminPort: 22_199 })).toContain(
    "<adminPort>",
  );
});
