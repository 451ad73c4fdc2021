import { ErrorCode } from "@corral/protocol";
import { expect, test, vi } from "vitest";
import { type AuditRecord, mostLineBytes } from "../replica/audit-record.ts";
import { auditLine } from "./audit-line.ts";

const client = {
  host: "192.168.1.3",
  identities: [
    { scheme: "ip", id: "192.168.1.3" },
    { scheme: "digest", id: "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=" },
  ],
};
const timeMs = Date.UTC(2026, 10, 29, 1, 57, 11, 192);

const line = (record: Partial<AuditRecord>): string =>
  auditLine(
    { timeMs, client, sessionId: 0x1000179eea90000n, operation: "create", result: "success", ...record },
    "corral",
  );

test("a create, as Apache ZooKeeper writes it, with our own keys behind", () => {
  expect(line({ path: "/a", createMode: 0, zxid: 0x100000002 })).toBe(
    "time=2026-11-29T01:57:11.192Z\tsession=0x1000179eea90000\tuser=192.168.1.3,bob\tip=192.168.1.3\toperation=create\t" +
      "znode=/a\tznode_type=persistent\tresult=success\tscheme=ip,digest\tzxid=0x100000002\n",
  );
});

test("what the server does of its own accord stands under the user of its process", () => {
  expect(auditLine({ timeMs, operation: "serverStart", result: "success" }, "corral")).toBe(
    "time=2026-11-29T01:57:11.192Z\tuser=corral\toperation=serverStart\tresult=success\n",
  );
});

test("a part of a multi that failed", () => {
  const text = line({ operation: "setData", path: "/m", part: { number: 2, of: 3 }, result: "failure", error: -103 });
  expect(text).toContain("\tresult=failure\tscheme=ip,digest\terror=BadVersion\tmulti=2/3\n");
  expect(line({ result: "failure", error: -9_999 })).toContain("\terror=-9999\n");
  expect(ErrorCode.BadVersion).toBe(-103);
});

test("access lists are shown without digests, and without what nobody knows to be public", () => {
  const acl = [
    { perms: 31, id: { scheme: "digest", id: "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=" } },
    { perms: 1, id: { scheme: "auth", id: "" } },
    { perms: 1, id: { scheme: "auth", id: "bob:secret" } },
    { perms: 6, id: { scheme: "x509", id: "CN=a,OU=b" } },
    { perms: 3, id: { scheme: "foo", id: "secret" } },
  ];
  const text = line({ operation: "setAcl", path: "/a", acl });
  expect(text).toContain("\tacl=digest:bob:x:cdrwa,auth::r,auth:x:r,x509:CN=a\\u002cOU=b:cw,foo:x:rw\t");
  expect(text).not.toMatch(/secret|fyVm/);
});

test.each([
  ["a line's end", "/a\noperation=delete", "znode=/a\\u000aoperation=delete"],
  ["a tab", "/a\tresult=success", "znode=/a\\u0009result=success"],
  ["a carriage return", "/a\rx", "znode=/a\\u000dx"],
  ["a line's end of Unicode", "/a\u2028b\u0085c", "znode=/a\\u2028b\\u0085c"],
  ["an escape of a terminal", "/\u001b[2J", "znode=/\\u001b[2J"],
  ["text that turns around", "/\u202eabc", "znode=/\\u202eabc"],
  ["text that turns around in Arabic", "/\u061cabc", "znode=/\\u061cabc"],
  ["what nobody sees", "/a\u200bb\u2060", "znode=/a\\u200bb\\u2060"],
  ["a backslash", "/a\\u000a", "znode=/a\\\\u000a"],
  ["half a character", "/\ud800", "znode=/\\ud800"],
])("%s in a path does not leave it", (_, path, shown) => {
  const text = line({ path });
  expect(text).toContain(`\t${shown}\tresult=success`);
  expect(text.match(/[\n\r]/g)).toHaveLength(1);
});

test("nor does one in a name, where a comma is told from those between names", () => {
  const identities = [
    { scheme: "digest", id: "a,b\tresult=x:hash" },
    { scheme: "super", id: "" },
  ];
  expect(line({ client: { ...client, identities } })).toContain("\tuser=a\\u002cb\\u0009result=x,super\tip=");
});

test("the names of who asks are escaped once, however many lines he has", () => {
  const identities = Array.from({ length: 100 }, (_, i) => ({ scheme: "digest", id: `a,b\t${i}:hash` }));
  const one = line({ client: { ...client, identities } });
  const replace = vi.spyOn(String.prototype, "replace");
  const replaceAll = vi.spyOn(String.prototype, "replaceAll");
  expect(line({ client: { ...client, identities } })).toBe(one);
  expect([replace.mock.calls.length, replaceAll.mock.calls.length]).toEqual([0, 0]);
  vi.restoreAllMocks();
});

test.each<[string, Partial<AuditRecord>]>([
  ["a usual one", { path: "/a", createMode: 0, zxid: 0x100000002 }],
  ["a part of a multi", { path: "/a", part: { number: 100_000, of: 100_000 }, zxid: Number.MAX_SAFE_INTEGER }],
  ["an error", { path: "/a", error: ErrorCode.SessionClosedRequireSaslAuth, reason: "\u0001\u202e€" }],
  ["a count", { operation: "auditLinesLost", count: 1_000_000 }],
  ["one without its names", { path: "/a", client: { ...client, identities: [] }, namesLeftOut: true }],
  ["escapes and what is not ASCII", { path: "/\\\u0001\u200b€\ud83d\ude00\ud800ä".repeat(100) }],
  ["a list", { acl: [{ perms: 31, id: { scheme: "x509", id: "CN=a,\u0001,€".repeat(100) } }] }],
  [
    "names",
    {
      client: {
        host: "::1",
        identities: [
          { scheme: "sasl,", id: "a,\t".repeat(100) },
          { scheme: "super", id: "" },
        ],
      },
    },
  ],
  ["nobody's", { client: undefined, createMode: 6 }],
])("how long a line is at most: %s", (_, record) => {
  const full: AuditRecord = { timeMs, client, sessionId: -1n, operation: "create", result: "success", ...record };
  const bytes = Buffer.byteLength(auditLine(full, "corral"));
  expect(bytes).toBeLessThanOrEqual(mostLineBytes(full));
  // Too long an estimate would leave out lines for no reason.
  expect(mostLineBytes(full) - bytes).toBeLessThan(150 + bytes);
});
